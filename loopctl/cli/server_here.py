"""Commands that are the server's: the wheel holds none of it, the checkout around it brings it."""

import os
import sys
from pathlib import Path

import loopctl
from loopctl.cli.exits import Exit, Stop

NO_SERVER = (
    "loopctl: this is the client alone; `loopctl {command}` needs the server: "
    "clone the repository and run `make up` there."
)


def checkout() -> Path | None:
    """The server's files beside this package, when they are there."""
    found = Path(loopctl.__file__).resolve().parent.parent
    return found if (found / "supervisor" / "__main__.py").exists() else None


def server_environment(root: Path) -> dict[str, str]:
    """First on the path, so that an installed package of the same name cannot take the server's place."""
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


def run_server_module(module: str, command: str, arguments: tuple[str, ...]) -> int:  # exec does not return
    """Becomes the server's process. Raises Stop."""
    root = checkout()
    if root is None:
        raise Stop(Exit.FAILED, NO_SERVER.format(command=command))
    sys.stdout.flush()
    command_line = [sys.executable, "-m", module, *arguments]
    os.execve(sys.executable, command_line, server_environment(root))  # noqa: S606  # our own module, no shell
