"""One query in one round trip: of no tenant, or of one that the query's own function sets first."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID, uuid4

import asyncpg
import pytest

from eventstore.database.transaction import Database, DatabaseUnavailable
from tests.eventstore.projects import add, ids
from tests.support.database import TestDatabase, connected, session

FUNCTION = """
    SET LOCAL ROLE loopctl_owner;
    CREATE FUNCTION app.sample_names(p_tenant uuid, p_name text) RETURNS TABLE (project_id uuid, owner uuid)
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
    BEGIN
        PERFORM set_config('app.tenant', p_tenant::text, true);
        RETURN QUERY SELECT p.project_id, p.tenant_id FROM app.sample_project AS p WHERE p.name = p_name;
    END $$;
    GRANT EXECUTE ON FUNCTION app.sample_names TO loopctl_app;
"""
NAMED = "SELECT project_id, owner FROM app.sample_names($1, $2)"
DIRECTLY = "SELECT project_id, tenant_id FROM app.sample_project WHERE $1::uuid IS NOT NULL AND name = $2"


@pytest.fixture(scope="module")
async def asked(sample: TestDatabase) -> TestDatabase:
    async with session(sample.admin_url) as connection, connection.transaction():
        await connection.execute(FUNCTION)
    return sample


@pytest.fixture(params=["", "&statement_cache_size=0"])
async def asking(asked: TestDatabase, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    opened = await connected(asked.app_url + request.param, role="loopctl_app", max_size=2)
    yield opened
    await opened.close()


async def test_a_tenant_sees_its_own_rows_and_no_others(asking: Database, ann: UUID, bob: UUID) -> None:
    """On connections that the other has used just before, many times, so that plans are kept."""
    own: dict[UUID, set[UUID]] = {}
    for tenant in (ann, bob):
        async with asking.tenant_transaction(tenant) as tx:
            own[tenant] = {await add(tx, "same") for _ in range(3)}
    dice = random.Random(1)

    async def ask(tenant: UUID) -> None:
        rows = await asking.ask_tenant(NAMED, tenant, "same")
        assert {row["project_id"] for row in rows} == own[tenant]
        assert {row["owner"] for row in rows} == {tenant}

    for _ in range(40):
        await asyncio.gather(*(ask(dice.choice((ann, bob))) for _ in range(4)))


async def test_the_tenant_is_gone_afterwards(asking: Database, ann: UUID) -> None:
    async with asking.tenant_transaction(ann) as tx:
        await add(tx, "mine")
    for _ in range(8):
        assert len(await asking.ask_tenant(NAMED, ann, "mine")) == 1
        assert await asking.ask_tenant(DIRECTLY, ann, "mine") == [], "nothing without a tenant, and none is left"
        async with asking.system_transaction() as tx:
            assert await ids(tx) == set()


async def test_an_error_or_a_cancellation_leaves_no_tenant_either(asking: Database, ann: UUID) -> None:
    async with asking.tenant_transaction(ann) as tx:
        await add(tx, "mine")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await asking.ask_tenant("SELECT project_id, 1 / 0 FROM app.sample_names($1, $2)", ann, "mine")
    for number in range(60):
        asked = asyncio.ensure_future(asking.ask_tenant(NAMED, ann, "mine"))
        await asyncio.sleep(number / 30_000)
        asked.cancel()
        with suppress(asyncio.CancelledError):
            assert len(await asked) == 1
    async with asyncio.timeout(10), asking.system_transaction() as one, asking.system_transaction() as other:
        assert (await ids(one), await ids(other)) == (set(), set())
    assert asking.connections[1] == 0


async def test_a_tenant_is_a_uuid(asking: Database) -> None:
    with pytest.raises(TypeError):
        await asking.ask_tenant(NAMED, str(uuid4()), "x")  # type: ignore[arg-type]  # the point of the test


async def test_a_session_that_ended_is_named_and_replaced(asking: Database, ann: UUID) -> None:
    for ask in (
        asking.ask("SELECT pg_terminate_backend(pg_backend_pid())"),
        asking.ask_tenant("SELECT $1::uuid, pg_terminate_backend(pg_backend_pid())", ann),
    ):
        with pytest.raises(DatabaseUnavailable) as caught:
            await ask
        assert (caught.value.reason, caught.value.outcome_unknown) == ("lost", False)
        assert await asking.ask("SELECT 1") is not None
