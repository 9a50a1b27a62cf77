"""What tests of the routes over a real log share."""

from collections.abc import AsyncIterator

import pytest

from tests.api.logs import Service, service
from tests.api.work import Client, client
from tests.support.database import TestDatabase, copied_database


@pytest.fixture(scope="module")
async def log_of_module(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    """One database for all tests of a module; each has tenants of its own."""
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


@pytest.fixture
async def served(log_of_module: TestDatabase) -> AsyncIterator[Service]:
    async with service(log_of_module) as started:
        yield started


@pytest.fixture
async def ann(served: Service) -> Client:
    """A user of a tenant."""
    return await client(served)


@pytest.fixture
async def bob(served: Service) -> Client:
    """A user of another tenant."""
    return await client(served)
