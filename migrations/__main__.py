"""`python -m migrations status|up`: for the container deployment, and for whoever wants to see where a database is."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

import msgspec

from config.loader import ConfigError, load_settings
from config.settings import Settings
from migrations.connection import connected
from migrations.errors import MigrationError
from migrations.files import MIGRATIONS, Phase, load
from migrations.ledger import compare, read_ledger
from migrations.roles import RolePasswords, bootstrap, with_role
from migrations.runner import BECOME_OWNER, migrate


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 1 with one sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m migrations", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("status", help="say which migrations are applied and which are not")
    up = commands.add_parser("up", help="set up the roles, then apply what is missing")
    up.add_argument("--phase", choices=("pre", "post", "all"), default="all", help="default: all")
    given = parser.parse_args(arguments)
    try:
        settings = load_settings().settings
        asyncio.run(_up(settings, given.phase) if given.command == "up" else _status(settings))
    except (ConfigError, MigrationError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _up(settings: Settings, phase: Phase) -> None:
    """Starts with the administrator's address; goes on as loopctl_migrator."""
    url, passwords = _database_url(settings), _passwords(settings)
    await bootstrap(url, passwords)
    for applied in await migrate(with_role(url, "loopctl_migrator", passwords.migrator), phase=phase):
        sys.stdout.write(f"applied {applied.file_name} in {applied.duration_ms} ms\n")
    await _status(settings)


async def _status(settings: Settings) -> None:
    """With the administrator's address, or the migrator's: both may become the owner."""
    files = load(MIGRATIONS)
    async with connected(_database_url(settings)) as connection:
        await connection.execute(BECOME_OWNER)
        recorded = await read_ledger(connection)
    applied = {row.number for row in recorded}
    for file in files:
        sys.stdout.write(f"{'applied' if file.number in applied else 'missing'} {file.file_name}\n")
    found = compare(files, recorded)
    sys.stdout.write(f"{found.sentence or 'The database is up to date.'}\n")


def _database_url(settings: Settings) -> str:
    if settings.database_url is None:
        raise ConfigError("LOOPCTL_DATABASE_URL is not set: give the address of the database with its administrator.")
    return settings.database_url


def _passwords(settings: Settings) -> RolePasswords:
    given = {name: getattr(settings, f"{name}_password") for name in RolePasswords.__struct_fields__}
    missing = [f"LOOPCTL_{name.upper()}_PASSWORD" for name, password in given.items() if not password]
    if missing:
        raise ConfigError(f"The passwords of the database roles are never defaulted; set {', '.join(missing)}.")
    return msgspec.convert(given, RolePasswords)


if __name__ == "__main__":
    sys.exit(main())
