"""Tiles and frontier are made anew from the entries; where entries, heads or keys are wrong, nothing is touched."""

from typing import Any
from uuid import UUID

import pytest

from eventstore.database.owning import owner_transaction
from eventstore.database.transaction import Database
from eventstore.fsck.repair import Repair, RepairRefused, repair_log
from tests.eventstore.fsck.logs import SIZE, checked, sign, signed_log
from tests.eventstore.growing import grow
from tests.eventstore.tampering import put_back, superuser
from tests.support.database import TestDatabase, session

TILE = "UPDATE app.log_tile SET data = {} WHERE tenant_id = $1"
DERIVED = {
    "a hash of a tile": (TILE.format("sha256(data) || substr(data, 33)"), ("tile/1/000.p/2",), False),
    "a tile cut short": (TILE.format("substr(data, 1, 32)"), ("tile/1/000.p/2",), False),
    "a tile with a hash too many": (TILE.format("data || sha256(data)"), ("tile/1/000.p/2",), False),
    "a tile gone": ("DELETE FROM app.log_tile WHERE tenant_id = $1", ("tile/1/000.p/2",), False),
    "a tile of no tree": (
        "INSERT INTO app.log_tile VALUES ($1, 3, 0, sha256(''))",
        ("tile/3/000",),
        False,
    ),
    "the frontier": (
        "UPDATE app.log_head SET frontier = sha256('') || substr(frontier, 33) WHERE tenant_id = $1",
        (),
        True,
    ),
}
ENTRY = "UPDATE app.log_entry SET {} WHERE tenant_id = $1 AND position = 300"
NOT_DERIVED = {
    "bytes": ENTRY.format("entry = overlay(entry PLACING 'x' FROM length(entry) - 60)"),
    "leaf": ENTRY.format("leaf_hash = sha256(leaf_hash)"),
    "entry gone": "DELETE FROM app.log_entry WHERE tenant_id = $1 AND position = 650",
    "end gone": "DELETE FROM app.log_entry WHERE tenant_id = $1 AND position >= 650",
    "root": "UPDATE app.log_checkpoint SET root = sha256(root) WHERE tenant_id = $1",
    "note": "UPDATE app.log_checkpoint SET note = overlay(note PLACING '1' FROM 60) WHERE tenant_id = $1",
    "last leaf": "UPDATE app.log_head SET last_leaf = sha256(last_leaf) WHERE tenant_id = $1",
}
WITH_A_TILE = TILE.format("sha256(data) || substr(data, 33)")


async def repaired(made: TestDatabase, tenant: UUID) -> Repair:
    try:
        async with owner_transaction(made.migrator_url, tenant) as tx:
            return await repair_log(tx)
    except RepairRefused as refused:
        return refused.repair


async def rows(made: TestDatabase, tenant: UUID) -> list[list[Any]]:
    tables = ("log_entry", "log_head", "log_tile", "log_checkpoint", "log_key")
    async with session(made.admin_url) as connection:
        return [
            await connection.fetch(f"SELECT * FROM app.{table} WHERE tenant_id = $1 ORDER BY 2, 3", tenant)  # noqa: S608  # our own
            for table in tables
        ]


async def damage(made: TestDatabase, tenant: UUID, statement: str) -> None:
    async with superuser(made) as connection:
        assert await connection.execute(statement, tenant) not in {"UPDATE 0", "DELETE 0"}


@pytest.mark.parametrize("what", DERIVED)
async def test_what_is_derived_comes_back_byte_for_byte(app: Database, made: TestDatabase, what: str) -> None:
    tenant = await signed_log(app)
    before = await rows(made, tenant)
    statement, tiles, frontier = DERIVED[what]
    await damage(made, tenant, statement)
    assert (await checked(app, tenant)).verdict == "bad"
    found = await repaired(made, tenant)
    assert (found.verdict, found.size, found.tiles, found.frontier) == ("repaired", SIZE, tiles, frontier)
    assert await rows(made, tenant) == before
    assert (await checked(app, tenant)).verdict == "good"
    await grow(app, tenant, 400)
    assert await sign(app, tenant) == SIZE + 400


@pytest.mark.parametrize("what", NOT_DERIVED)
async def test_nothing_is_touched_where_more_is_wrong(app: Database, made: TestDatabase, what: str) -> None:
    tenant = await signed_log(app)
    await damage(made, tenant, NOT_DERIVED[what])
    await damage(made, tenant, WITH_A_TILE)
    before = await rows(made, tenant)
    found = await repaired(made, tenant)
    assert found.verdict == "refused"
    assert found.fault is not None
    assert await rows(made, tenant) == before


async def test_rewritten_entries_with_everything_that_follows_from_them_contradict_the_signed_head(
    app: Database, made: TestDatabase
) -> None:
    """A repair would lend them the tiles that they need."""
    tenant = await signed_log(app)
    await put_back(made, app, tenant, 300, heads_too=False)
    await grow(app, tenant, SIZE - 300)
    await damage(made, tenant, WITH_A_TILE)
    before = await rows(made, tenant)
    found = await repaired(made, tenant)
    assert found.fault is not None
    assert (found.verdict, found.fault.code, found.fault.place) == ("refused", "root_differs", "checkpoints/600")
    assert await rows(made, tenant) == before


async def test_a_good_log_is_left_alone(app: Database, made: TestDatabase) -> None:
    tenant = await signed_log(app)
    before = await rows(made, tenant)
    assert (await repaired(made, tenant)).verdict == "good"
    assert await rows(made, tenant) == before


@pytest.mark.slow
async def test_a_full_tile_is_made_anew_like_a_partial_one(app: Database, made: TestDatabase) -> None:
    tenant = await signed_log(app, heads=(66_000,), size=66_100)
    assert (await checked(app, tenant)).verdict == "good"
    await damage(made, tenant, WITH_A_TILE)
    found = await repaired(made, tenant)
    assert found.tiles == ("tile/1/000", "tile/1/001.p/2", "tile/2/000.p/1")
    assert (await checked(app, tenant)).verdict == "good"
    pieces = await checked(app, tenant, most=65_792)
    assert (await checked(app, tenant, resume=pieces.position)).verdict == "good"
