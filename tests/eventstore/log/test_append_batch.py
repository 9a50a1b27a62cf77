"""The database's own guard of the log, called past our code: what is missing is refused."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from eventstore.database.transaction import Database
from eventstore.log.append import APPEND

NOTHING: Sequence[object] = (0, *([[]] * 4), b"", *([[]] * 13), datetime(2025, 1, 1, tzinfo=UTC), [])
"""The arguments after the tenant: a batch that appends nothing to an empty log."""


async def call(app: Database, tenant: UUID, arguments: Sequence[object]) -> None:
    async with app.tenant_transaction(tenant) as tx:
        await tx.execute(APPEND, *arguments)


async def test_a_batch_without_anything_missing_is_taken(app: Database, tenant: UUID) -> None:
    """The negative control."""
    await call(app, tenant, [tenant, *NOTHING])
    async with app.tenant_transaction(tenant) as tx:
        assert await tx.fetchval("SELECT size FROM app.log_head WHERE tenant_id = $1", tenant) == 0


@pytest.mark.parametrize("place", range(22))
async def test_a_batch_with_a_null_is_refused(app: Database, tenant: UUID, place: int) -> None:
    arguments = [tenant, *NOTHING]
    arguments[place] = None
    with pytest.raises(asyncpg.NullValueNotAllowedError):
        await call(app, tenant, arguments)


async def test_code_of_the_release_before_appends_without_positions_of_answers(app: Database, tenant: UUID) -> None:
    """It goes on running while the schema is already the new one."""
    arguments = [tenant, *NOTHING[:-1]]
    arguments[13:18] = [[uuid4()], ["key"], [bytes(32)], [201], [b"{}"]]
    async with app.tenant_transaction(tenant) as tx:
        await tx.execute(APPEND.replace(", $22", ""), *arguments)
        kept = await tx.fetchrow("SELECT status, position FROM app.idempotency WHERE tenant_id = $1", tenant)
    assert kept is not None
    assert (kept["status"], kept["position"]) == (201, None)


async def test_another_size_than_the_heads_is_refused(app: Database, tenant: UUID) -> None:
    with pytest.raises(asyncpg.PostgresError, match="the head has moved"):
        await call(app, tenant, [tenant, 1, *NOTHING[1:]])


async def test_a_tile_without_its_place_is_refused(app: Database, tenant: UUID) -> None:
    arguments = [tenant, *NOTHING]
    arguments[7:11] = [[1], [0], [None], [bytes(32)]]
    with pytest.raises(asyncpg.PostgresError, match="a tile does not end"):
        await call(app, tenant, arguments)
    arguments[9] = [0]
    await call(app, tenant, arguments)
