"""A log of a few hundred entries, with heads signed along the way, that a test may damage."""

from collections.abc import AsyncIterator

import pytest

from eventstore.database.transaction import Database
from tests.support.database import TestDatabase, connected, copied_database


@pytest.fixture(scope="module")
async def made(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as database:
        yield database


@pytest.fixture
async def app(made: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(made.app_url, role="loopctl_app")
    yield opened
    await opened.close()


@pytest.fixture
async def worker(made: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(made.worker_url, role="loopctl_worker")
    yield opened
    await opened.close()
