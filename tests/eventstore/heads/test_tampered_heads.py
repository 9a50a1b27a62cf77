"""No head is signed over a log that a superuser has changed; the same log unchanged is signed."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from eventstore.database.transaction import Database
from eventstore.heads.rederive import HeadRefused
from eventstore.heads.signing import current_checkpoint
from tests.eventstore.growing import KEYRING, grow, opened_log
from tests.eventstore.tampering import put_back, superuser
from tests.support.database import TestDatabase, connected, copied_database

SIGNED, GROWN = 300, 700

ENTRY = "UPDATE app.log_entry SET {change} WHERE tenant_id = $1 AND position = {position}"
OTHER_BYTES = "entry = overlay(entry PLACING 'x' FROM length(entry) - 60)"
OTHER_LEAF = "leaf_hash = sha256(leaf_hash)"
OTHER_BOTH = (
    "entry = overlay(entry PLACING 'x' FROM length(entry) - 60),"
    " leaf_hash = sha256('\\x00'::bytea || overlay(entry PLACING 'x' FROM length(entry) - 60))"
)
HEAD = "UPDATE app.log_head SET {change} WHERE tenant_id = $1"
TILE = "UPDATE app.log_tile SET data = {data} WHERE tenant_id = $1 AND level = 1 AND index = 0"
CHECKPOINT = "UPDATE app.log_checkpoint SET {change} WHERE tenant_id = $1"
DELETED = "DELETE FROM app.log_entry WHERE tenant_id = $1 AND position {which}"

# What was done → the first entry that is known to be wrong, and what was done it with.
TAMPERINGS = {
    "bytes of an entry": (450, ENTRY.format(change=OTHER_BYTES, position=450)),
    "a leaf hash": (450, ENTRY.format(change=OTHER_LEAF, position=450)),
    "an entry with its leaf hash": (451, ENTRY.format(change=OTHER_BOTH, position=450)),
    "the last entry with its leaf hash": (None, ENTRY.format(change=OTHER_BOTH, position=GROWN - 1)),
    "bytes of the last signed entry": (SIGNED - 1, ENTRY.format(change=OTHER_BYTES, position=SIGNED - 1)),
    "the last signed entry with its leaf hash": (SIGNED - 1, ENTRY.format(change=OTHER_BOTH, position=SIGNED - 1)),
    "two entries exchanged": (
        400,
        "UPDATE app.log_entry AS e SET entry = o.entry, leaf_hash = o.leaf_hash FROM app.log_entry AS o"
        " WHERE e.tenant_id = $1 AND o.tenant_id = $1 AND e.position IN (400, 401) AND o.position = 801 - e.position",
    ),
    "an entry deleted": (450, DELETED.format(which="= 450")),
    "the end deleted": (650, DELETED.format(which=">= 650")),
    "the last signed entry deleted": (SIGNED - 1, DELETED.format(which=f"= {SIGNED - 1}")),
    "the frontier": (None, HEAD.format(change="frontier = sha256(frontier) || substr(frontier, 33)")),
    "the last leaf": (None, HEAD.format(change="last_leaf = sha256(last_leaf)")),
    "the size": (GROWN, HEAD.format(change="size = 704, frontier = substr(frontier || frontier, 1, 96)")),
    "a tile": (256, TILE.format(data="substr(data, 1, 32) || sha256(data)")),
    "a tile cut short": (None, TILE.format(data="substr(data, 1, 32)")),
    "the root of the signed head": (None, CHECKPOINT.format(change="root = sha256(root)")),
    "the frontier of the signed head": (
        None,
        CHECKPOINT.format(change="frontier = sha256('') || substr(frontier, 33)"),
    ),
    "the size of the signed head": (None, CHECKPOINT.format(change="size = 301, frontier = frontier || sha256('')")),
    "the note of the signed head": (None, CHECKPOINT.format(change="note = overlay(note PLACING '1' FROM 60)")),
}


@pytest.fixture(scope="module")
async def made(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as database:
        yield database


@pytest.fixture
async def app(made: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(made.app_url, role="loopctl_app")
    yield opened
    await opened.close()


async def signed_and_grown(app: Database) -> UUID:
    """A log of 700 entries of which 300 are under a signed head."""
    tenant = await opened_log(app)
    await grow(app, tenant, SIGNED)
    await sign(app, tenant)
    await grow(app, tenant, GROWN - SIGNED)
    return tenant


async def sign(app: Database, tenant: UUID) -> int:
    async with app.tenant_transaction(tenant) as tx:
        return (await current_checkpoint(tx, KEYRING)).size


async def heads(app: Database, tenant: UUID) -> int:
    async with app.tenant_transaction(tenant) as tx:
        count: int = await tx.fetchval("SELECT count(*) FROM app.log_checkpoint WHERE tenant_id = $1", tenant)
    return count


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_a_changed_log_is_refused_with_the_place_and_an_unchanged_one_is_signed(
    app: Database, made: TestDatabase, tampering: str
) -> None:
    changed, unchanged = await signed_and_grown(app), await signed_and_grown(app)
    position, statement = TAMPERINGS[tampering]
    async with superuser(made) as connection:
        assert await connection.execute(statement, changed) not in {"UPDATE 0", "DELETE 0"}
    with pytest.raises(HeadRefused) as refused:
        await sign(app, changed)
    assert refused.value.position == position
    assert await heads(app, changed) == 1
    assert await sign(app, unchanged) == GROWN


@pytest.mark.parametrize("size", [1, 200, SIGNED - 1])
async def test_a_history_that_was_rewritten_under_a_signed_head_is_refused(
    app: Database, made: TestDatabase, size: int
) -> None:
    """Chain, tree, tiles and head row fit together again: only the signed head speaks against them."""
    tenant = await signed_and_grown(app)
    await put_back(made, app, tenant, size, heads_too=False)
    await grow(app, tenant, GROWN - size)
    with pytest.raises(HeadRefused) as refused:
        await sign(app, tenant)
    assert refused.value.position == SIGNED - 1


@pytest.mark.parametrize("size", [1, 200, SIGNED - 1])
async def test_a_log_that_was_cut_under_a_signed_head_is_refused(app: Database, made: TestDatabase, size: int) -> None:
    tenant = await signed_and_grown(app)
    await put_back(made, app, tenant, size, heads_too=False)
    with pytest.raises(HeadRefused) as refused:
        await sign(app, tenant)
    assert refused.value.position == size


async def test_what_came_after_the_last_head_can_be_rewritten_unseen(app: Database, made: TestDatabase) -> None:
    """The limit of what signing can find, and the control of the tests above: a rewritten log that fits is signed."""
    tenant = await signed_and_grown(app)
    await put_back(made, app, tenant, SIGNED + 1, heads_too=False)
    await grow(app, tenant, 100)
    assert await sign(app, tenant) == SIGNED + 101
