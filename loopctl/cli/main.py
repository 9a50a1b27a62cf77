"""The `loopctl` command: parser, version, and the way to the server's own commands."""

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

import loopctl
from loopctl import __version__

NO_SERVER = (
    "loopctl: this is the client alone; `loopctl {command}` needs the server: "
    "clone the repository and run `make up` there."
)

app = App(
    name="loopctl",
    version=__version__,
    help="State store for AI development loops: what agents say, what others confirmed, and a log anyone can check.",
)
config = App(name="config", help="Settings of the server on this machine.")
app.command(config)
app.command("loopctl.cli.log:app", name="log", help="Check a log offline: exports, receipts, tiles.")


@app.command
def up(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True, show=False)]) -> int:
    """Run the service: --port --host --data-dir --database-url --redis-url --workers (see `loopctl up --help`)."""
    return _run_server_module("supervisor", "up", arguments)


@config.command
def show(*, origin: bool = False) -> int:
    """Print every setting, secrets masked.

    Parameters
    ----------
    origin
        Also say where each value came from.
    """
    return _run_server_module("config", "config show", ("--origin",) if origin else ())


def main() -> int:
    """Exit codes: 0 done, 1 refused or failed, 2 wrong usage."""
    if sys.argv[1:2] == ["up"]:  # its flags, --help included, are the server's to explain
        return up(*sys.argv[2:])
    return int(app() or 0)


def _run_server_module(module: str, command: str, arguments: tuple[str, ...]) -> int:  # noqa: RET503  # exec does not return
    """Becomes the server's process: the wheel holds none of it, the checkout around it brings it."""
    checkout = Path(loopctl.__file__).resolve().parent.parent
    if not (checkout / module / "__main__.py").exists():
        print(NO_SERVER.format(command=command), file=sys.stderr)  # noqa: T201  # the program's own voice
        return 1
    # First on the path, so that an installed package of the same name cannot take the server's place.
    path = os.pathsep.join(filter(None, (str(checkout), os.environ.get("PYTHONPATH"))))
    sys.stdout.flush()
    command_line = [sys.executable, "-m", module, *arguments]
    os.execve(sys.executable, command_line, {**os.environ, "PYTHONPATH": path})  # noqa: S606  # our own module, no shell
