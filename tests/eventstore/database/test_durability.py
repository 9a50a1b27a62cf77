"""A server that may lose what it acknowledged is refused."""

import pytest

from eventstore.catalog.check import NotDurable, assert_durability
from tests.support.database import TestDatabase, connected, session

CAREFUL = {"fsync", "full_page_writes", "synchronous_commit", "data_checksums"}


async def test_the_shared_server_is_durable(sample: TestDatabase) -> None:
    server = await connected(sample.app_url, role="loopctl_app")
    async with server.system_transaction() as tx:
        await assert_durability(tx)
    await server.close()


async def test_every_careless_setting_is_named(spare_postgres_url: str) -> None:
    async with session(spare_postgres_url) as connection:
        with pytest.raises(NotDurable) as refusal:
            await assert_durability(connection)
    assert {name for name in CAREFUL if f"{name} is off" in str(refusal.value)} == CAREFUL


@pytest.mark.parametrize("value", ["off", "local", "remote_write"])
async def test_one_session_that_does_not_wait_for_the_disk_is_enough(sample: TestDatabase, value: str) -> None:
    """Any role may set it for itself, so the session that will be used is the one to ask."""
    async with session(sample.admin_url) as connection:
        await connection.execute(f"ALTER DATABASE {sample.name} SET synchronous_commit = '{value}'")
        async with session(sample.app_url) as careless:
            with pytest.raises(NotDurable, match=f"synchronous_commit is {value}"):
                await assert_durability(careless)
        await connection.execute(f"ALTER DATABASE {sample.name} RESET synchronous_commit")
