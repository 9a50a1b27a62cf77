"""The checkers: what each is asked, whether it is there, and how it is run."""

import os
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

CHECKOUT = Path(__file__).resolve().parents[1]
PYTHON = CHECKOUT / ".venv/interop/bin/python"
GO_SOURCES = "/usr/share/gocode"
"""Where Debian installs the sources of Go libraries."""
SECONDS = 300
EVERYTHING = frozenset({"checkpoint", "cosignature", "inclusion", "consistency", "receipt", "tiles", "fork"})


class LeftOut(Exception):
    """The checker is not installed here; the text says what is missing."""


class CheckerFailed(Exception):
    """It is installed, and could not be built or gave no answers."""


class Checker(Struct, frozen=True):
    name: str
    kinds: frozenset[str]
    """Of cases that it can be asked."""
    produces: bool

    def version(self) -> str:
        """Raises LeftOut when it is not there."""
        return _go_version() if self.name == "x/mod" else _python_version(self.name)

    def command(self, folder: Path) -> list[str]:
        """``folder`` is for what has to be built."""
        if self.name != "x/mod":
            return [str(PYTHON), "-m", MODULES[self.name]]
        program = folder / "checker"
        _run(["go", "build", "-o", str(program), str(CHECKOUT / "interop/go/main.go")], go_environment(folder))
        return [str(program)]


CHECKERS = (
    Checker("x/mod", EVERYTHING - {"cosignature"}, produces=True),
    Checker("tlog-scales", EVERYTHING, produces=True),
    Checker("metamorphic-log", EVERYTHING - {"cosignature", "tiles"}, produces=False),
)
MODULES = {"tlog-scales": "interop.scales", "metamorphic-log": "interop.metamorphic"}


def ask(command: list[str], order: str, file: Path) -> bytes:
    return _run([*command, order, str(file)], dict(os.environ))


def go_environment(cache: Path | None = None) -> dict[str, str]:
    """Old ways on purpose: without modules nothing is ever fetched."""
    changed = {"GO111MODULE": "off", "GOFLAGS": "", "GOPROXY": "off", "GOPATH": GO_SOURCES, "GOTOOLCHAIN": "local"}
    if cache is not None:
        changed["GOCACHE"] = str(cache / "go-cache")
    return os.environ | changed


def _go_version() -> str:
    if shutil.which("go") is None:
        raise LeftOut("no program go (Debian: golang-go)")
    try:
        _run(["go", "list", "golang.org/x/mod/sumdb/note", "golang.org/x/mod/sumdb/tlog"], go_environment())
    except CheckerFailed:
        raise LeftOut(f"no golang.org/x/mod in {GO_SOURCES} (Debian: golang-golang-x-mod-dev)") from None
    return _run(["go", "version"], go_environment()).decode().split()[2] + _debian_version()


def _debian_version() -> str:
    """x/mod does not know its own version; only the package does."""
    if shutil.which("dpkg-query") is None:
        return ""
    command = ["dpkg-query", "--show", "--showformat", ", x/mod ${Version}", "golang-golang-x-mod-dev"]
    try:
        return _run(command, dict(os.environ)).decode()
    except CheckerFailed:
        return ""


def _python_version(package: str) -> str:
    asked = f"from importlib.metadata import version; import {package.replace('-', '_')}; print(version('{package}'))"
    try:
        return _run([str(PYTHON), "-c", asked], dict(os.environ)).decode().strip()
    except CheckerFailed:
        raise LeftOut(f"{package} is not installed in {PYTHON.parent.parent.relative_to(CHECKOUT)}") from None


def _run(command: list[str], environment: dict[str, str]) -> bytes:
    try:
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, check=False, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CheckerFailed(f"{Path(command[0]).name}: {error}") from None
    if done.returncode != 0:
        raise CheckerFailed(f"{Path(command[0]).name}: {done.stderr.decode(errors='replace').strip()[-2000:]}")
    return done.stdout
