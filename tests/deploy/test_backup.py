"""The commands of the services `backup` and `restore`, against the real PostgreSQL with its own tools."""

import os
import shlex
import subprocess
from urllib.parse import parse_qs, unquote, urlsplit

from eventstore.catalog.check import check_catalog
from migrations.runner import migrate
from supervisor.postgres import binaries
from tests.house.deployment import load
from tests.house.tree import CHECKOUT
from tests.support.database import TestDatabase, session

ADD_KEY_CHECK = "INSERT INTO app.key_check (kid, check_value) VALUES ($1, repeat('x', 40)::bytea)"
KEY_CHECKS = "SELECT kid FROM app.key_check ORDER BY kid LIMIT 10"
DEFAULT_RIGHTS = "SELECT defaclacl::text FROM pg_default_acl ORDER BY 1 LIMIT 10"


def run(service: str, url: str, given: bytes = b"") -> bytes:
    """The service's command with another address: everything but host, user and database is as in compose.yaml."""
    [line] = load(CHECKOUT / "compose.yaml")["services"][service]["command"]
    words = shlex.split(line.partition("exec ")[2])
    places = ("--host=", "--username=", "--dbname=")
    assert [word.partition("=")[0] + "=" for word in words[1:4]] == list(places)
    address = urlsplit(url)
    values = (parse_qs(address.query)["host"][0], str(address.username), address.path.lstrip("/"))
    done = subprocess.run(
        [
            str(binaries() / words[0]),
            *(f"{name}{value}" for name, value in zip(places, values, strict=True)),
            *words[4:],
        ],
        env={**os.environ, "PGPASSWORD": unquote(str(address.password))},
        input=given,
        capture_output=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


async def read(url: str, query: str) -> list[str]:
    async with session(url) as connection:
        return [row[0] for row in await connection.fetch(query)]


async def add_key_check(database: TestDatabase, kid: str) -> None:
    async with session(database.admin_url) as connection:
        await connection.execute(ADD_KEY_CHECK, kid)


async def test_a_restored_backup_replaces_what_was_there(database: TestDatabase, empty_database: TestDatabase) -> None:
    """Went red for a restore without --clean."""
    await add_key_check(database, "00000001")
    backup = run("backup", database.backup_url)

    await migrate(empty_database.migrator_url)
    await add_key_check(empty_database, "00000002")
    run("restore", empty_database.admin_url, backup)

    assert await read(empty_database.admin_url, KEY_CHECKS) == ["00000001"]


async def test_a_restored_database_keeps_every_rule(database: TestDatabase, empty_database: TestDatabase) -> None:
    """Went red for a dump with --no-privileges."""
    backup = run("backup", database.backup_url)
    await migrate(empty_database.migrator_url)
    run("restore", empty_database.admin_url, backup)

    async with session(empty_database.app_url) as connection, connection.transaction():
        assert [str(violation) for violation in await check_catalog(connection)] == []
    assert await read(empty_database.admin_url, DEFAULT_RIGHTS) == await read(database.admin_url, DEFAULT_RIGHTS)
    assert await migrate(empty_database.migrator_url) == []
