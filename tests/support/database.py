"""A fresh, migrated database for each test: a copy of one that is made once."""

import itertools
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from msgspec import Struct

from eventstore.database.transaction import Database, Timeouts
from migrations.roles import RolePasswords, bootstrap, grant_database_rights, with_role
from migrations.runner import migrate
from tests.support.cluster import own_postgres

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

PASSWORDS = RolePasswords(*(secrets.token_urlsafe(12) for _ in range(5)))
"""The roles are the cluster's, so every database of a run has the same."""

NUMBERS = itertools.count(1)


END_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000)
      FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class TestDatabase(Struct, frozen=True):
    """One database, as each of those who may log in."""

    __test__: ClassVar[bool] = False  # for pytest, which takes the name for a class of tests

    name: str
    admin_url: str

    @property
    def migrator_url(self) -> str:
        return with_role(self.admin_url, "loopctl_migrator", PASSWORDS.migrator)

    @property
    def app_url(self) -> str:
        return with_role(self.admin_url, "loopctl_app", PASSWORDS.app)

    @property
    def worker_url(self) -> str:
        return with_role(self.admin_url, "loopctl_worker", PASSWORDS.worker)

    @property
    def audit_url(self) -> str:
        return with_role(self.admin_url, "loopctl_audit_ro", PASSWORDS.audit)

    @property
    def backup_url(self) -> str:
        return with_role(self.admin_url, "loopctl_backup", PASSWORDS.backup)


async def connected(url: str, **given: Any) -> Database:
    """As production connects, but however long the machine takes: what is late is `test_unavailable`'s alone."""
    return await Database.connect(url, timeouts=Timeouts(connect=60, acquire=60, command=60, rollback=60), **given)


@pytest.fixture(scope="session")
def spare_postgres_url() -> Iterator[str]:
    """Administrator's address of a second server, without roles of ours, and careless in every way that it can be."""
    careless = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
    with (
        tempfile.TemporaryDirectory(prefix="loopctl-spare-") as folder,
        own_postgres(Path(folder), *careless, checksums=False) as url,
    ):
        yield url


@pytest.fixture(scope="session")
async def database_template(postgres_admin_url: str) -> AsyncIterator[str]:
    """Name of a migrated database that nobody is connected to."""
    async with created_database(postgres_admin_url) as template:
        await bootstrap(template.admin_url, PASSWORDS)
        await migrate(template.migrator_url)
        yield template.name


@pytest.fixture
async def database(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    """A migrated database of the test's own."""
    async with copied_database(postgres_admin_url, database_template) as made:
        yield made


@pytest.fixture(scope="session")
async def reused_database(postgres_admin_url: str) -> AsyncIterator[TestDatabase]:
    """For ``empty_database`` alone: emptying is cheaper than dropping, which waits for a checkpoint."""
    async with created_database(postgres_admin_url) as made:
        await bootstrap(made.admin_url, PASSWORDS)
        yield made


@pytest.fixture
async def empty_database(reused_database: TestDatabase) -> AsyncIterator[TestDatabase]:
    """A database that has the roles' rights and no schema."""
    yield reused_database
    async with session(reused_database.admin_url) as connection:
        await connection.execute(END_OTHERS)
        await connection.execute("DROP SCHEMA IF EXISTS app CASCADE; DROP OWNED BY loopctl_owner, loopctl_fn CASCADE")
        await grant_database_rights(connection)


@asynccontextmanager
async def copied_database(admin_url: str, template: str) -> AsyncIterator[TestDatabase]:
    """A copy with the rights on the database itself, which copying leaves behind."""
    async with created_database(admin_url, template) as made:
        async with session(made.admin_url) as connection:
            await grant_database_rights(connection)
        yield made


@asynccontextmanager
async def created_database(admin_url: str, template: str = "template1") -> AsyncIterator[TestDatabase]:
    """A copy of ``template`` that is gone after the block, whoever is still connected."""
    name = f"test_{next(NUMBERS)}"
    async with session(admin_url) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield TestDatabase(name, urlunsplit(urlsplit(admin_url)._replace(path=f"/{name}")))
        finally:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def session(url: str) -> "AsyncIterator[Connection]":
    """A plain connection, for looking from outside and for breaking things on purpose."""
    connection = await asyncpg.connect(url, timeout=60, command_timeout=60)
    try:
        yield connection
    finally:
        await connection.close(timeout=60)
