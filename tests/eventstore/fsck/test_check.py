"""The check of a stored log: all of it, its newest part, in pieces, and what it finds first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from eventstore.database.transaction import Database, TenantTx
from eventstore.fsck.check import LogCheck, Wanted, check_log
from loopctl.audit.expected import keep
from tests.eventstore.fsck.logs import HEADS, SIZE, checked, place, sign, signed_log
from tests.eventstore.growing import grow, opened_log
from tests.eventstore.tampering import put_back, superuser
from tests.support.database import TestDatabase

ENTRY = "UPDATE app.log_entry SET {change} WHERE tenant_id = $1 AND position = {position}"
BYTES = "entry = overlay(entry PLACING 'x' FROM length(entry) - 60)"
LEAF = "leaf_hash = sha256('\\x00'::bytea || overlay(entry PLACING 'x' FROM length(entry) - 60))"


async def damage(made: TestDatabase, tenant: object, statement: str) -> None:
    async with superuser(made) as connection:
        assert await connection.execute(statement, tenant) not in {"UPDATE 0", "DELETE 0"}


async def test_a_log_is_good_from_its_first_entry_to_its_last(app: Database) -> None:
    found = await checked(app, await signed_log(app))
    assert (found.verdict, found.fault, found.complete, found.first, found.size) == ("good", None, True, 0, SIZE)
    assert found.heads == len(HEADS)


async def test_an_empty_log_is_good_with_and_without_a_head(app: Database) -> None:
    tenant = await opened_log(app)
    assert (await checked(app, tenant)).verdict == "good"
    await sign(app, tenant)
    found = await checked(app, tenant)
    assert (found.verdict, found.heads) == ("good", 1)


@pytest.mark.parametrize("most", [1, 256, 300, 700])
async def test_a_check_in_pieces_sees_what_the_whole_one_sees(app: Database, most: int) -> None:
    tenant = await signed_log(app)
    pieces = [await checked(app, tenant, most=most)]
    while not pieces[-1].complete:
        pieces.append(await checked(app, tenant, most=most, resume=pieces[-1].position))
        assert len(pieces) <= 3
    whole = await checked(app, tenant)
    assert (pieces[-1].root, pieces[-1].size) == (whole.root, whole.size)
    assert sum(piece.heads for piece in pieces) == whole.heads


async def test_a_piece_that_was_checked_before_is_not_looked_at_again(app: Database, made: TestDatabase) -> None:
    """The control of the pieces: what is resumed from is what was kept, not what the database says now."""
    tenant = await signed_log(app)
    first = await checked(app, tenant, most=512)
    await damage(made, tenant, ENTRY.format(change=BYTES, position=100))
    assert (await checked(app, tenant, resume=first.position)).verdict == "good"
    assert place(await checked(app, tenant)) == ("entry_bytes", "entry 100")


async def test_the_newest_entries_are_checked_from_the_group_that_they_begin_in(
    app: Database, made: TestDatabase
) -> None:
    tenant = await signed_log(app)
    found = await checked(app, tenant, newest=100)
    assert (found.verdict, found.complete, found.first, found.size) == ("good", True, 512, SIZE)
    await damage(made, tenant, ENTRY.format(change=BYTES, position=599))
    assert place(await checked(app, tenant, newest=100)) == ("entry_bytes", "entry 599")


async def test_what_lies_before_the_newest_entries_is_the_whole_check_to_find(
    app: Database, made: TestDatabase
) -> None:
    tenant = await signed_log(app)
    await damage(made, tenant, ENTRY.format(change=BYTES, position=10))
    assert (await checked(app, tenant, newest=100)).verdict == "good"
    assert (await checked(app, tenant)).verdict == "bad"


async def test_rewritten_leaves_below_the_newest_entries_contradict_the_signed_head(
    app: Database, made: TestDatabase
) -> None:
    tenant = await signed_log(app)
    await damage(made, tenant, ENTRY.format(change=f"{LEAF}, {BYTES}", position=300))
    assert (await checked(app, tenant, newest=100)).verdict == "good", "a tile stands for them"
    await damage(made, tenant, "UPDATE app.log_tile SET data = sha256(data) || substr(data, 33) WHERE tenant_id = $1")
    assert place(await checked(app, tenant, newest=100)) == ("root_differs", "checkpoints/600")


async def test_a_log_that_was_put_back_is_told_from_a_head_that_was_kept(app: Database, made: TestDatabase) -> None:
    tenant = await signed_log(app)
    async with app.tenant_transaction(tenant) as tx:
        note = await tx.fetchval("SELECT note FROM app.log_checkpoint WHERE tenant_id = $1 AND size = 600", tenant)
    assert (await checked(app, tenant, older=keep(note))).verdict == "good"
    await put_back(made, app, tenant, 300, heads_too=True)
    assert (await checked(app, tenant)).verdict == "good", "nothing in the database can show it"
    assert place(await checked(app, tenant, older=keep(note))) == ("stale", "the log")


async def test_a_resumed_check_tells_a_log_that_is_shorter_than_what_was_checked(
    app: Database, made: TestDatabase
) -> None:
    tenant = await signed_log(app)
    before = await checked(app, tenant, most=512)
    await put_back(made, app, tenant, 300, heads_too=True)
    assert place(await checked(app, tenant, resume=before.position)) == ("stale", "the log")


async def test_a_rewritten_history_is_refused_by_its_next_signed_head(app: Database, made: TestDatabase) -> None:
    """Everything that can be made without the key was made anew: entries, leaves, tiles, head row."""
    tenant = await signed_log(app)
    await put_back(made, app, tenant, 300, heads_too=False)
    await grow(app, tenant, SIZE - 300)
    assert place(await checked(app, tenant)) == ("root_differs", "checkpoints/600")


async def test_progress_is_told_with_the_size(app: Database) -> None:
    tenant = await signed_log(app)
    told: list[tuple[int, int]] = []
    found = await check_log(app.tenant_transaction, tenant, Wanted(), lambda done, size: told.append((done, size)))
    assert isinstance(found, LogCheck)
    assert told[-1] == (SIZE, SIZE)


async def test_a_log_may_grow_and_be_signed_while_it_is_checked(app: Database) -> None:
    tenant = await signed_log(app, heads=(600,), size=5000)

    begun = False

    @asynccontextmanager
    async def growing(tenant_id: UUID) -> AsyncIterator[TenantTx]:
        nonlocal begun
        if begun:
            await grow(app, tenant, 10)
            await sign(app, tenant)
        begun = True
        async with app.tenant_transaction(tenant_id) as tx:
            yield tx

    found = await check_log(growing, tenant, Wanted())
    assert (found.verdict, found.size) == ("good", 5000)
