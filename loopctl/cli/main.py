"""The `loopctl` command: parser, version, and how a command's failure is told.

Commands are loaded when they are used: the help needs none of them.
"""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, Group

from loopctl import __version__
from loopctl.cli import streams
from loopctl.cli.commands import GROUPS
from loopctl.cli.exits import EXPLAINED, Exit

BEFORE = ("--server", "--api-key", "--format", "--fields", "--as", "--impersonate", "--idempotency-key")
"""Options with a value that may stand before the command."""

app = App(
    name="loopctl",
    version=__version__,
    help="State store for AI development loops: what agents say, what others confirmed, and a log anyone can check.",
    help_epilogue=EXPLAINED,
    help_format="plaintext",
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
for order, (title, commands) in enumerate(GROUPS.items()):
    group = Group(title, sort_key=order)
    for command in commands:
        app.command(command.target, name=command.name, help=command.help, group=group)


def main() -> int:
    """The exit codes are those of ``Exit``."""
    streams.prepare()
    code = run(sys.argv[1:])
    if lost := streams.unwritten():
        sys.stderr.write(f"loopctl: the answer could not be written: {lost}\n")
        return code or Exit.FAILED
    return code


def run(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["up"]:  # its flags, --help included, are the server's to explain
        arguments = ["up", "--", *arguments[1:]]
    tokens = options_last(["--help"] if not arguments or arguments[0] == "help" else list(arguments))
    if any(name.startswith("LOOPCTL_") for name in os.environ):
        _warn()
    try:
        return int(app(tokens, exit_on_error=False, print_error=False) or 0)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # told below
        return _told(tokens, error)


def options_last(tokens: list[str]) -> list[str]:
    """What stands before the command goes behind it, where every command takes it."""
    leading: list[str] = []
    rest = tokens
    while rest and rest[0].partition("=")[0] in BEFORE:
        size = 1 if "=" in rest[0] else 2
        leading, rest = leading + rest[:size], rest[size:]
    end = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:end], *leading, *rest[end:]]


def _warn() -> None:
    # Only who has set something needs it.
    from loopctl.cli.settings import misspelt  # noqa: PLC0415  # as said

    for line in misspelt(os.environ):
        sys.stderr.write(line + "\n")


def _told(tokens: list[str], error: BaseException) -> int:
    # Only what failed needs it, and it needs the HTTP client.
    from loopctl.cli.failing import tell  # noqa: PLC0415  # as said

    return tell(tokens, error)
