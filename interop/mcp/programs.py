"""Where the checkers of MCP servers are: npm packages in an environment of their own, and a Node that they run on."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

from interop.checkers import CHECKOUT, CheckerFailed, LeftOut

PACKAGES = CHECKOUT / ".venv/interop-npm/node_modules"
OLDEST = (22, 19)
"""Of Node, for both checkers."""
SECONDS = 120


class Npm(Struct, frozen=True):
    """A checker: its package, and the program in it."""

    package: str
    program: str

    def version(self) -> str:
        """Raises LeftOut when it is not there."""
        try:
            return str(json.loads((PACKAGES / self.package / "package.json").read_text())["version"])
        except OSError:
            raise LeftOut(f"not installed in {PACKAGES.parent.relative_to(CHECKOUT)}") from None

    def run(self, *arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
        """``home`` is where it may leave files. Raises LeftOut, CheckerFailed."""
        command = [node(), str(PACKAGES / self.package / self.program), *arguments]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LOOPCTL_")}
        # Whatever the machine goes through to reach others: this is about loopback alone.
        own = {"HOME": str(home), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        try:
            return subprocess.run(
                command, cwd=home, env={**kept, **own}, capture_output=True, text=True, check=False, timeout=SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CheckerFailed(f"{self.package}: {error}") from None


CONFORMANCE = Npm("@modelcontextprotocol/conformance", "dist/index.js")
INSPECTOR = Npm("@modelcontextprotocol/inspector", "clients/launcher/build/index.js")


def node() -> str:
    """The machine's, or the one that came along. Raises LeftOut."""
    for program in (shutil.which("node"), *map(str, PACKAGES.glob("node-*/bin/node"))):
        if program is not None and _version(program) >= OLDEST:
            return program
    raise LeftOut(f"no Node from {'.'.join(map(str, OLDEST))} on")


def _version(program: str) -> tuple[int, ...]:
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True, timeout=SECONDS
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(map(int, re.findall(r"\d+", said)))
