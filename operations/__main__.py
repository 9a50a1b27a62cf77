"""The program. Exit codes: 0 done, 1 refused, 2 wrong usage, 10 done and found something bad. JSON on stdout."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

import msgspec

from config.loader import ConfigError
from domain.errors import Rejected
from eventstore.database.transaction import WrongRole
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.log.read import LogIncomplete
from migrations.errors import MigrationError
from operations.command import Declined, Said
from operations.commands import COMMANDS

REFUSALS = (Declined, ConfigError, Rejected, DatabaseUnavailable, WrongRole, MigrationError, LogIncomplete)


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parsed(arguments)
    run = next(command.run for command in COMMANDS if command.name == given.command)

    async def said() -> Said:
        return await run(given)

    try:
        result = asyncio.run(said())
    except REFUSALS as error:
        print(f"loopctl: {error}{_details(error)}", file=sys.stderr)  # noqa: T201  # the program's own voice
        return 1
    except KeyboardInterrupt:
        return 130
    print(msgspec.json.format(msgspec.json.encode(result.answer)).decode())  # noqa: T201  # the program's own voice
    return result.code


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m operations", description="What only the operator may do.")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        own = commands.add_parser(command.name, help=command.help)
        command.arguments(own)
        for name in ("data-dir", "database-url"):
            own.add_argument(f"--{name}", help="as for `loopctl up`")
    return parser.parse_args(arguments)


def _details(error: Exception) -> str:
    """Which field is wrong with what."""
    facts = error.facts if isinstance(error, Rejected) else {}
    named = [f"{field} {', '.join(texts)}" for field, texts in facts.get("details", {}).items()]
    return ": " + "; ".join(named) if named else ""


if __name__ == "__main__":
    sys.exit(main())
