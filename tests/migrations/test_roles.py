"""The roles of a cluster, set up in a second server so that the shared one keeps its own."""

import asyncio
import base64
import hmac
import os
import subprocess
from collections.abc import AsyncIterator

import asyncpg
import pytest
from msgspec import structs

from eventstore.catalog.check import check_catalog
from migrations.errors import BootstrapRefused, MigrationError
from migrations.roles import ATTRIBUTES, ROLES, RolePasswords, _set_up, bootstrap, scram_verifier, with_role
from migrations.runner import migrate
from supervisor.postgres import binaries
from tests.support.database import PASSWORDS, TestDatabase, created_database, session

NAMES = [role.name for role in ROLES]
STATE = """
    SELECT r.rolname, r.rolcanlogin, r.rolbypassrls, s.setconfig
      FROM pg_roles AS r
      LEFT JOIN pg_db_role_setting AS s ON s.setrole = r.oid AND s.setdatabase = 0
     WHERE r.rolname ~ '^loopctl_'
     ORDER BY r.rolname
"""


@pytest.fixture
async def fresh(spare_postgres_url: str) -> AsyncIterator[TestDatabase]:
    """A database in a cluster that has no role of ours, before and after."""
    async with created_database(spare_postgres_url) as made:
        yield made
    async with session(spare_postgres_url) as connection:
        await connection.execute(f"DROP ROLE IF EXISTS {', '.join(NAMES)}")


async def state(database: TestDatabase) -> list[asyncpg.Record]:
    async with session(database.admin_url) as connection:
        return await connection.fetch(STATE)


async def test_it_makes_the_seven_roles(fresh: TestDatabase) -> None:
    await bootstrap(fresh.admin_url, PASSWORDS)
    assert [(row["rolname"], row["rolcanlogin"], row["rolbypassrls"]) for row in await state(fresh)] == [
        ("loopctl_app", True, False),
        ("loopctl_audit_ro", True, False),
        ("loopctl_backup", True, True),
        ("loopctl_fn", False, False),
        ("loopctl_migrator", True, False),
        ("loopctl_owner", False, False),
        ("loopctl_worker", True, False),
    ]


async def test_a_second_time_changes_nothing(fresh: TestDatabase) -> None:
    await bootstrap(fresh.admin_url, PASSWORDS)
    before = await state(fresh)
    await bootstrap(fresh.admin_url, PASSWORDS)
    assert await state(fresh) == before


async def test_it_repairs_roles_that_somebody_changed(fresh: TestDatabase) -> None:
    await bootstrap(fresh.admin_url, PASSWORDS)
    before = await state(fresh)
    async with session(fresh.admin_url) as connection:
        await connection.execute("ALTER ROLE loopctl_app SUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS INHERIT")
        await connection.execute("ALTER ROLE loopctl_worker NOLOGIN; ALTER ROLE loopctl_owner LOGIN")
        await connection.execute("ALTER ROLE loopctl_worker SET synchronous_commit = off")
        await connection.execute("ALTER ROLE loopctl_app SET statement_timeout = 0")
        await connection.execute("GRANT loopctl_owner TO loopctl_migrator WITH INHERIT TRUE")
    await bootstrap(fresh.admin_url, PASSWORDS)
    assert await state(fresh) == before
    await migrate(fresh.migrator_url)
    async with session(fresh.app_url) as connection, connection.transaction():
        assert await check_catalog(connection) == []


async def test_two_databases_of_one_cluster_at_the_same_time(fresh: TestDatabase, spare_postgres_url: str) -> None:
    async with created_database(spare_postgres_url) as other:
        await asyncio.gather(*(bootstrap(each.admin_url, PASSWORDS) for each in (fresh, other) * 4))
        for each in (fresh, other):
            await migrate(each.migrator_url)
            async with session(each.app_url) as connection, connection.transaction():
                assert await check_catalog(connection) == []


async def test_two_databases_really_collide(fresh: TestDatabase, spare_postgres_url: str) -> None:
    """The negative control: the same two without the repetition. Advisory locks do not reach across databases."""
    async with (
        created_database(spare_postgres_url) as other,
        session(fresh.admin_url) as one,
        session(other.admin_url) as two,
    ):
        transaction = one.transaction()
        await transaction.start()
        await _set_up(one, PASSWORDS)
        second = asyncio.ensure_future(_set_up(two, PASSWORDS))
        await asyncio.sleep(0.1)
        await transaction.commit()
        with pytest.raises((asyncpg.UniqueViolationError, asyncpg.DuplicateObjectError)):
            await second


async def test_each_role_logs_in_with_its_password_and_only_that(fresh: TestDatabase) -> None:
    await bootstrap(fresh.admin_url, PASSWORDS)
    for url in (fresh.migrator_url, fresh.app_url, fresh.worker_url, fresh.audit_url, fresh.backup_url):
        async with session(url) as connection:
            assert await connection.fetchval("SELECT 1") == 1
    await bootstrap(fresh.admin_url, structs.replace(PASSWORDS, app="changed"))
    with pytest.raises(asyncpg.InvalidPasswordError):
        async with session(fresh.app_url):
            pass
    async with session(with_role(fresh.admin_url, "loopctl_app", "changed")):
        pass


async def test_nobody_else_may_connect(fresh: TestDatabase) -> None:
    await bootstrap(fresh.admin_url, PASSWORDS)
    async with session(fresh.admin_url) as connection:
        await connection.execute("CREATE ROLE stranger LOGIN PASSWORD 'x'")
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with session(with_role(fresh.admin_url, "stranger", "x")):
                    pass
        finally:
            await connection.execute("DROP ROLE stranger")


async def test_an_administrator_need_not_be_superuser(fresh: TestDatabase) -> None:
    async with session(fresh.admin_url) as connection:
        await connection.execute("CREATE ROLE chief LOGIN CREATEROLE BYPASSRLS PASSWORD 'x'")
        await connection.execute(f"ALTER DATABASE {fresh.name} OWNER TO chief")
    try:
        for _ in range(2):
            await bootstrap(with_role(fresh.admin_url, "chief", "x"), PASSWORDS)
        await migrate(fresh.migrator_url)
        async with session(fresh.app_url) as connection, connection.transaction():
            assert await check_catalog(connection) == []
    finally:
        async with session(fresh.admin_url) as connection:
            await connection.execute("DROP SCHEMA IF EXISTS app CASCADE")
            await connection.execute(f"ALTER DATABASE {fresh.name} OWNER TO postgres; DROP OWNED BY {', '.join(NAMES)}")
            await connection.execute(f"DROP ROLE {', '.join(NAMES)}; DROP OWNED BY chief; DROP ROLE chief")


async def test_who_may_not_is_told_so_in_one_sentence(fresh: TestDatabase) -> None:
    async with session(fresh.admin_url) as connection:
        await connection.execute("CREATE ROLE nobody_special LOGIN PASSWORD 'x'")
    try:
        with pytest.raises(BootstrapRefused, match=r"^[^\n]*permission denied[^\n]*$"):
            await bootstrap(with_role(fresh.admin_url, "nobody_special", "x"), PASSWORDS)
    finally:
        async with session(fresh.admin_url) as connection:
            await connection.execute("DROP ROLE nobody_special")
    assert await state(fresh) == []


async def test_a_password_that_clients_spell_differently_is_refused(fresh: TestDatabase) -> None:
    with pytest.raises(MigrationError, match="printable ASCII"):
        await bootstrap(fresh.admin_url, structs.replace(PASSWORDS, app="Stra\u00dfe"))
    assert await state(fresh) == []


def test_passwords_are_not_shown() -> None:
    shown = repr(RolePasswords("one", "two", "three", "four", "five")) + str(PASSWORDS)
    assert not any(word in shown for word in ("one", "two", "three", "four", "five", *structs.astuple(PASSWORDS)))


def test_a_verifier_holds_the_server_key_of_the_published_exchange() -> None:
    """The example of RFC 7677, section 3: its server signature, made with our server key."""
    salt, nonce = "W22ZaJ0SNY7soEsUEjb6gQ==", "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    exchange = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s={salt},i=4096,c=biws,r={nonce}"
    verifier = scram_verifier("pencil", salt=base64.b64decode(salt))
    assert verifier.startswith(f"SCRAM-SHA-256$4096:{salt}$")
    server_key = base64.b64decode(verifier.rpartition(":")[2])
    signature = hmac.digest(server_key, exchange.encode(), "sha256")
    assert base64.b64encode(signature).decode() == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


async def test_the_attributes_asked_for_are_those_of_the_catalogue(fresh: TestDatabase) -> None:
    await bootstrap(fresh.admin_url, PASSWORDS)
    async with session(fresh.admin_url) as connection:
        found = {row["rolname"]: row for row in await connection.fetch(ATTRIBUTES, NAMES)}
    assert list(found) == sorted(NAMES)
    assert not any(
        row["SUPERUSER"] or row["CREATEDB"] or row["CREATEROLE"] or row["REPLICATION"] for row in found.values()
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql:///db?host=/run/pg&user=chief&password=secret&passfile=/secret/file&sslmode=require",
            "postgresql://loopctl_app:a%2Fb@/db?host=/run/pg&sslmode=require",
        ),
        ("postgresql://chief:secret@db:5433/db?%70assword=secret", "postgresql://loopctl_app:a%2Fb@db:5433/db"),
        ("postgresql://db/db?dbname=x&user=chief", "postgresql://loopctl_app:a%2Fb@db/db?dbname=x"),
    ],
)
def test_an_address_for_a_role_keeps_nothing_of_the_administrator(url: str, expected: str) -> None:
    assert with_role(url, "loopctl_app", "a/b") == expected


async def test_an_address_with_its_user_in_the_query_leads_in_as_the_role(database: TestDatabase) -> None:
    url = f"{database.admin_url}{'&' if '?' in database.admin_url else '?'}user=postgres&password=secret"
    async with session(with_role(url, "loopctl_app", PASSWORDS.app)) as connection:
        assert await connection.fetchval("SELECT session_user::text") == "loopctl_app"


def dump(url: str, password: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PGPASSWORD": password}
    command = [str(binaries() / "pg_dump"), "--schema=app", url]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=180, env=environment)


async def test_the_backup_role_dumps_everything_and_the_application_cannot(database: TestDatabase) -> None:
    async with session(database.admin_url) as connection:
        await connection.execute("INSERT INTO app.key_check VALUES ('0a0b0c0d', repeat('x', 40)::bytea)")
    done = dump(database.backup_url, PASSWORDS.backup)
    assert done.returncode == 0, done.stderr
    assert "0a0b0c0d" in done.stdout
    refused = dump(database.app_url, PASSWORDS.app)
    assert refused.returncode != 0
    assert "permission denied" in refused.stderr


async def test_readers_only_read(database: TestDatabase) -> None:
    for url in (database.audit_url, database.backup_url):
        async with session(url) as connection:
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await connection.execute("UPDATE app.key_check SET kid = kid")
            await connection.execute("SET default_transaction_read_only = off")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("UPDATE app.key_check SET kid = kid")
