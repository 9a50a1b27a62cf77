"""A database with the sample schema, and the application's pool on it."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from eventstore.database.transaction import Database
from tests.support.database import TestDatabase, connected, copied_database, session

SAMPLE = Path(__file__).with_name("sample.sql")


@pytest.fixture(scope="module")
async def sample(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    """Shared by the tests of one file: each brings tenants of its own."""
    async with copied_database(postgres_admin_url, database_template) as made:
        async with session(made.admin_url) as connection, connection.transaction():
            await connection.execute("SET LOCAL ROLE loopctl_owner;" + SAMPLE.read_text())
        yield made


@pytest.fixture
async def server(sample: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(sample.app_url, role="loopctl_app", max_size=4)
    yield opened
    await opened.close()


@pytest.fixture
def ann() -> UUID:
    """A tenant that nobody has used."""
    return uuid4()


@pytest.fixture
def bob() -> UUID:
    return uuid4()


@pytest.fixture(scope="module")
async def log_database(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    """As migrated; shared by the tests of one file, each with a tenant of its own."""
    async with copied_database(postgres_admin_url, database_template) as made:
        yield made


@pytest.fixture
async def app(log_database: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(log_database.app_url, role="loopctl_app", max_size=6)
    yield opened
    await opened.close()


@pytest.fixture
async def worker(log_database: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(log_database.worker_url, role="loopctl_worker", max_size=6)
    yield opened
    await opened.close()


@pytest.fixture
async def tenant(app: Database) -> UUID:
    """With an empty log."""
    tenant_id = uuid4()
    async with app.tenant_transaction(tenant_id) as tx:
        await tx.execute("SELECT app.open_log($1)", tenant_id)
    return tenant_id
