"""Signed heads: each extends those before it, and none is signed over a log that contradicts itself."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from eventstore.database.transaction import Database
from eventstore.heads.checkpoints import StoredHead, checkpoint_at, newest_checkpoint
from eventstore.heads.last_signed import FileLastSigned, LastSigned
from eventstore.heads.log_keys import Begin, NoLogKey, log_signers, new_log_key, read_key_history
from eventstore.heads.rederive import HeadRefused
from eventstore.heads.signing import ClockBehind, current_checkpoint, sign_if_due
from eventstore.heads.tree import consistency_proof, receipt
from eventstore.log.append import NoLog
from loopctl.tlog.checkpoint import Checkpoint, check_extends, make_checkpoint
from loopctl.tlog.hashing import EMPTY_ROOT
from loopctl.tlog.receipt import check_receipt, parse_receipt
from loopctl.tlog.signer import sign_checkpoint
from loopctl.tlog.tree import EMPTY, append_leaves
from loopctl.tlog.trust import Trust, open_checkpoint
from tests.eventstore.growing import KEYRING, NOON, Counting, grow, opened_log
from tests.eventstore.tampering import put_back, superuser
from tests.support.database import TestDatabase, connected, copied_database, session


@pytest.fixture(scope="module")
async def made(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    """Shared by the tests of this file: each brings tenants of its own."""
    async with copied_database(postgres_admin_url, database_template) as database:
        yield database


@pytest.fixture
async def app(made: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(made.app_url, role="loopctl_app")
    yield opened
    await opened.close()


@pytest.fixture
async def tenant(app: Database) -> UUID:
    return await opened_log(app)


async def sign(app: Database, tenant: UUID, remembered: LastSigned | None = None) -> StoredHead:
    async with app.tenant_transaction(tenant) as tx:
        return await current_checkpoint(tx, KEYRING, remembered)


async def opened_head(app: Database, tenant: UUID, head: StoredHead) -> Checkpoint:
    """What the note says, when the log's keys have signed it."""
    async with app.tenant_transaction(tenant) as tx:
        history = await read_key_history(tx)
    return open_checkpoint(head.note, Trust(history)).checkpoint


async def stored_sizes(app: Database, tenant: UUID) -> list[int]:
    async with app.tenant_transaction(tenant) as tx:
        rows = await tx.fetch("SELECT size FROM app.log_checkpoint WHERE tenant_id = $1 ORDER BY size", tenant)
    return [row["size"] for row in rows]


# Signing --------------------------------------------------------------------------------------------------------------


async def test_an_empty_log_has_a_signed_head(app: Database, tenant: UUID) -> None:
    head = await sign(app, tenant)
    said = await opened_head(app, tenant, head)
    assert (said.origin, said.size, said.root) == (f"example.org/t/{tenant}", 0, EMPTY_ROOT)


async def test_each_head_is_that_of_the_entries_and_extends_the_one_before(app: Database, tenant: UUID) -> None:
    leaves: list[bytes] = []
    before = await opened_head(app, tenant, await sign(app, tenant))
    for count in (1, 1, 5, 249, 256, 3000, 1):
        leaves += await grow(app, tenant, count)
        said = await opened_head(app, tenant, await sign(app, tenant))
        assert (said.size, said.root) == (len(leaves), append_leaves(EMPTY, leaves).frontier.root())
        async with app.tenant_transaction(tenant) as tx:
            proof = await consistency_proof(tx, before.size, said.size) if before.size else ()
        check_extends(before, said, proof)
        before = said


async def test_a_long_log_without_any_head_is_walked_in_chunks(app: Database, tenant: UUID) -> None:
    leaves = await grow(app, tenant, 20_000)
    said = await opened_head(app, tenant, await sign(app, tenant))
    assert said.root == append_leaves(EMPTY, leaves).frontier.root()


async def test_a_head_that_is_there_costs_one_statement_and_stays_as_it_is(app: Database, tenant: UUID) -> None:
    await grow(app, tenant, 10)
    first = await sign(app, tenant)
    async with app.tenant_transaction(tenant) as tx:
        counting = Counting(tx)
        again = await current_checkpoint(counting.tx, KEYRING)
        assert await newest_checkpoint(tx) == again
        assert await checkpoint_at(tx, 10) == again
        assert await checkpoint_at(tx, 9) is None
    assert (again, counting.statements) == (first, 1)


async def test_the_worker_signs_at_most_once_a_second(app: Database, made: TestDatabase, tenant: UUID) -> None:
    async def due() -> StoredHead | None:
        async with app.tenant_transaction(tenant) as tx:
            return await sign_if_due(tx, KEYRING)

    assert await due() is not None
    assert await due() is None
    await grow(app, tenant, 1)
    assert await due() is None
    await move_clock(made, tenant, timedelta(seconds=1))
    head = await due()
    assert head is not None
    assert head.size == 1


async def test_the_worker_role_can_sign(app: Database, made: TestDatabase, tenant: UUID) -> None:
    await grow(app, tenant, 3)
    worker = await connected(made.worker_url, role="loopctl_worker")
    try:
        assert (await sign(worker, tenant)).size == 3
    finally:
        await worker.close()


async def test_a_receipt_proves_its_entry_offline(app: Database, tenant: UUID) -> None:
    await grow(app, tenant, 600)
    async with app.tenant_transaction(tenant) as tx:
        head = await current_checkpoint(tx, KEYRING)
        made = await receipt(tx, 300, head.size, head.note)
        entry = await tx.fetchval("SELECT entry FROM app.log_entry WHERE tenant_id = $1 AND position = 300", tenant)
        trust = Trust(await read_key_history(tx))
    assert check_receipt(parse_receipt(made.encode()), entry, trust).checkpoint.size == 600


async def test_without_a_log_or_a_key_nothing_is_signed(app: Database, made: TestDatabase, tenant: UUID) -> None:
    with pytest.raises(NoLog):
        await sign(app, UUID(int=1))
    async with session(made.admin_url) as connection:
        await connection.execute("UPDATE app.log_key SET private_key = NULL WHERE tenant_id = $1", tenant)
    with pytest.raises(NoLogKey):
        await sign(app, tenant)
    assert await stored_sizes(app, tenant) == []


async def test_a_new_key_begins_with_a_boundary_head_that_both_keys_signed(
    app: Database, made: TestDatabase, tenant: UUID
) -> None:
    await grow(app, tenant, 10)
    await sign(app, tenant)
    await grow(app, tenant, 5)
    async with session(made.admin_url) as connection:
        await connection.execute("UPDATE app.log_key SET last_size = 15 WHERE tenant_id = $1", tenant)
    async with app.tenant_transaction(tenant) as tx:
        origin = origin_of(tenant)
        await new_log_key(tx, KEYRING, Begin(origin, "rotation", NOON, 15))
    await grow(app, tenant, 5)
    await sign(app, tenant)
    assert await stored_sizes(app, tenant) == [10, 15, 20]
    async with app.tenant_transaction(tenant) as tx:
        history = await read_key_history(tx)
        heads = [await checkpoint_at(tx, size) for size in (10, 15, 20)]
    signed_by = [{line.key for line in open_checkpoint(head.note, Trust(history)).signatures} for head in heads if head]
    old, new = history.keys
    assert signed_by == [{old}, {old, new}, {new}]


def origin_of(tenant: UUID) -> str:
    return f"example.org/t/{tenant}"


# The clock ------------------------------------------------------------------------------------------------------------


async def move_clock(made: TestDatabase, tenant: UUID, forward: timedelta) -> None:
    """As if the clock had moved by so much since the last head."""
    async with superuser(made) as connection:
        await connection.execute(
            "UPDATE app.log_checkpoint SET signed_at = signed_at - $2::interval WHERE tenant_id = $1", tenant, forward
        )


async def test_while_the_clock_is_behind_nothing_new_is_signed(app: Database, made: TestDatabase, tenant: UUID) -> None:
    await grow(app, tenant, 3)
    await sign(app, tenant)
    await move_clock(made, tenant, -timedelta(hours=1))
    assert (await sign(app, tenant)).size == 3
    await grow(app, tenant, 3)
    with pytest.raises(ClockBehind):
        await sign(app, tenant)
    async with app.tenant_transaction(tenant) as tx:
        with pytest.raises(ClockBehind):
            await sign_if_due(tx, KEYRING)
    assert await stored_sizes(app, tenant) == [3]
    await move_clock(made, tenant, timedelta(hours=1))
    assert (await sign(app, tenant)).size == 6


# Several signers ------------------------------------------------------------------------------------------------------


async def test_signers_at_once_never_make_two_roots_for_one_size(app: Database, tenant: UUID) -> None:
    """While others append, so that the sizes that they find differ."""
    leaves: list[bytes] = []
    heads: list[StoredHead] = []
    for _ in range(20):
        signers = [asyncio.create_task(sign(app, tenant)) for _ in range(4)]
        leaves += await grow(app, tenant, 3, batch=1)
        heads += await asyncio.gather(*signers)
    roots = {head.size: head.root for head in heads}
    assert len({(head.size, head.note) for head in heads}) == len(roots)
    assert all(root == append_leaves(EMPTY, leaves[:size]).frontier.root() for size, root in roots.items())
    assert set(roots) == set(await stored_sizes(app, tenant))
    assert len(roots) > 5


async def test_a_signer_waits_for_the_one_before_and_goes_on_from_its_head(app: Database, tenant: UUID) -> None:
    await grow(app, tenant, 5)
    async with app.tenant_transaction(tenant) as tx:
        first = await current_checkpoint(tx, KEYRING)
        await grow(app, tenant, 3)
        second = asyncio.create_task(sign(app, tenant))
        await asyncio.sleep(0.3)
        assert not second.done()
    assert (first.size, (await second).size) == (5, 8)
    assert first.signed_at <= (await second).signed_at


async def test_whoever_stores_second_returns_the_head_of_the_first(
    app: Database, made: TestDatabase, tenant: UUID
) -> None:
    root = append_leaves(EMPTY, await grow(app, tenant, 5)).frontier
    ours, theirs = await race(app, made, tenant, root.root(), root.data())
    assert (ours.note, ours.signed_at) == (theirs, NOON)


async def test_whoever_meets_another_root_for_its_size_refuses(app: Database, made: TestDatabase, tenant: UUID) -> None:
    await grow(app, tenant, 5)
    other = append_leaves(EMPTY, [bytes(32)] * 5).frontier
    with pytest.raises(HeadRefused, match="another root is stored for size 5"):
        await race(app, made, tenant, other.root(), other.data())


async def race(
    app: Database, made: TestDatabase, tenant: UUID, root: bytes, frontier: bytes
) -> tuple[StoredHead, bytes]:
    """Signs while somebody without our lock is storing a head of size 5."""
    async with app.tenant_transaction(tenant) as tx:
        signers = await log_signers(tx, KEYRING, 5)
    note = sign_checkpoint(make_checkpoint(origin_of(tenant), 5, root), signers).encode()
    async with session(made.admin_url) as connection:
        other = connection.transaction()
        await other.start()
        await connection.execute(
            "INSERT INTO app.log_checkpoint (tenant_id, size, root, frontier, note, signed_at)"
            " VALUES ($1, 5, $2, $3, $4, $5)", tenant, root, frontier, note, NOON,
        )  # fmt: skip
        signing = asyncio.create_task(sign(app, tenant))
        await asyncio.sleep(0.3)
        assert not signing.done()
        await other.commit()
    return await signing, note


# What the database must not forget ------------------------------------------------------------------------------------


async def test_a_signer_that_died_between_signing_and_storing_comes_to_the_same_root(
    app: Database, tenant: UUID, tmp_path: Path
) -> None:
    remembered = FileLastSigned(tmp_path / "heads")
    await grow(app, tenant, 10)
    lost = await crash_before_commit(app, tenant, remembered)
    assert await stored_sizes(app, tenant) == []
    assert (await sign(app, tenant, remembered)).root == lost.root
    await grow(app, tenant, 5)
    lost = await crash_before_commit(app, tenant, remembered)
    await grow(app, tenant, 5)
    assert (await sign(app, tenant, remembered)).size == 20
    async with app.tenant_transaction(tenant) as tx:
        proof = await consistency_proof(tx, lost.size, 20)
        newest = await newest_checkpoint(tx)
    assert newest is not None
    check_extends(await opened_head(app, tenant, lost), await opened_head(app, tenant, newest), proof)


class Crash(Exception):
    """Of the process, after signing and before COMMIT."""


async def crash_before_commit(app: Database, tenant: UUID, remembered: LastSigned) -> StoredHead:
    """The head that was signed, and that the database knows nothing of."""
    try:
        async with app.tenant_transaction(tenant) as tx:
            signed = await current_checkpoint(tx, KEYRING, remembered)
            raise Crash
    except Crash:
        return signed


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "lost"])
@pytest.mark.parametrize("grown_by", [0, 3, 10, 20])
async def test_a_database_that_was_put_back_is_noticed_by_what_is_remembered_outside(
    app: Database, made: TestDatabase, tenant: UUID, tmp_path: Path, grown_by: int, stored: bool
) -> None:
    """Remembered is a head of size 20; the log goes back to 10 and grows again, otherwise."""
    remembered = FileLastSigned(tmp_path / "heads")
    await grow(app, tenant, 10)
    await sign(app, tenant, remembered)
    await grow(app, tenant, 10)
    await (sign if stored else crash_before_commit)(app, tenant, remembered)
    await put_back(made, app, tenant, 10, heads_too=True)
    await grow(app, tenant, grown_by)
    with pytest.raises(HeadRefused):
        await sign(app, tenant, remembered)
    assert await stored_sizes(app, tenant) == [10]
    assert (await sign(app, tenant)).size == 10 + grown_by, "the database alone has nothing that speaks against it"


@pytest.mark.parametrize("grown_by", [10, 20])
async def test_another_history_that_others_have_signed_in_the_meantime_is_refused_by_the_worker(
    app: Database, made: TestDatabase, tenant: UUID, tmp_path: Path, grown_by: int
) -> None:
    """Remembered is a head of size 20, and the last one in the database is as long or longer and of another history."""
    remembered = FileLastSigned(tmp_path / "heads")
    await grow(app, tenant, 10)
    await sign(app, tenant)
    await grow(app, tenant, 10)
    await sign(app, tenant, remembered)
    await put_back(made, app, tenant, 10, heads_too=True)
    await grow(app, tenant, grown_by)
    assert (await sign(app, tenant)).size == 10 + grown_by
    with pytest.raises(HeadRefused, match="does not extend the remembered one of size 20"):
        await sign(app, tenant, remembered)


async def test_heads_that_others_have_signed_are_remembered_by_the_worker(
    app: Database, made: TestDatabase, tenant: UUID, tmp_path: Path
) -> None:
    remembered = FileLastSigned(tmp_path / "heads")
    await grow(app, tenant, 10)
    await sign(app, tenant, remembered)
    await grow(app, tenant, 10)
    head = await sign(app, tenant)
    async with app.tenant_transaction(tenant) as tx:
        assert await sign_if_due(tx, KEYRING, remembered) is None
    assert await remembered.read(tenant) == head.note
    await put_back(made, app, tenant, 10, heads_too=True)
    async with app.tenant_transaction(tenant) as tx:
        with pytest.raises(HeadRefused, match="put back to an older state"):
            await sign_if_due(tx, KEYRING, remembered)


async def test_a_remembered_head_that_nobody_signed_is_refused(app: Database, tenant: UUID, tmp_path: Path) -> None:
    remembered = FileLastSigned(tmp_path)
    await grow(app, tenant, 3)
    head = await sign(app, tenant, remembered)
    await remembered.store(tenant, head.note.replace(b"\n3\n", b"\n2\n"))
    with pytest.raises(HeadRefused, match="does not open"):
        await sign(app, tenant, remembered)
