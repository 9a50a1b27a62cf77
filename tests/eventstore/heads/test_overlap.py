"""A replaced key goes on signing for a while, and then cannot any more."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from eventstore.database.transaction import Database
from eventstore.heads import overlap
from eventstore.heads.checkpoints import StoredHead
from eventstore.heads.log_keys import history_of
from eventstore.heads.overlap import LONGEST_OVERLAP
from eventstore.heads.signing import current_checkpoint
from loopctl.tlog.trust import Trust, open_checkpoint
from loopctl.tlog.vkey import VerifierKey
from tests.eventstore.growing import KEYRING, grow, opened_log
from tests.eventstore.heads.test_heads import move_clock, sign
from tests.eventstore.rotating import audited, keys_of, rotate, signer_of
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
    tenant = await opened_log(app)
    await grow(app, tenant, 5)
    return tenant


async def signed_by(app: Database, tenant: UUID, head: StoredHead) -> set[VerifierKey]:
    trust = Trust(history_of(await keys_of(app, tenant)))
    return {line.key for line in open_checkpoint(head.note, trust).signatures}


async def next_head(app: Database, tenant: UUID, signer: Database | None = None) -> StoredHead:
    await grow(app, tenant, 1)
    return await sign(signer or app, tenant)


async def private_keys(made: TestDatabase, tenant: UUID) -> int:
    async with session(made.admin_url) as connection:
        found = await connection.fetchval("SELECT count(private_key) FROM app.log_key WHERE tenant_id = $1", tenant)
    return int(found)


async def test_for_seven_days_both_keys_sign_and_then_the_old_one_is_destroyed(
    app: Database, made: TestDatabase, tenant: UUID
) -> None:
    change = await rotate(app, tenant)
    await move_clock(made, tenant, LONGEST_OVERLAP - timedelta(minutes=1))
    before = await next_head(app, tenant)
    await move_clock(made, tenant, timedelta(minutes=2))
    assert await private_keys(made, tenant) == 2
    last = await next_head(app, tenant)
    assert await private_keys(made, tenant) == 1
    after = await next_head(app, tenant)
    signers = [await signed_by(app, tenant, head) for head in (change.boundary, before, last, after)]
    assert signers == [{change.old, change.new}] * 3 + [{change.new}]
    old, new = await keys_of(app, tenant)
    assert (old.last_size, old.retired_at, new.last_size) == (last.size, last.signed_at, None)
    assert (await audited(app, tenant)).verdict == "good"


async def test_after_so_many_heads_the_old_key_is_destroyed_too(
    app: Database, made: TestDatabase, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlap, "MOST_HEADS", 4)
    await rotate(app, tenant)
    left = []
    for _ in range(4):
        await next_head(app, tenant)
        left.append(await private_keys(made, tenant))
    assert left == [2, 2, 1, 1]


async def test_a_key_that_others_have_ends_with_the_head_of_its_replacement(
    app: Database, made: TestDatabase, tenant: UUID
) -> None:
    change = await rotate(app, tenant, "compromise")
    assert await private_keys(made, tenant) == 1
    assert await signed_by(app, tenant, change.boundary) == {change.old, change.new}
    assert (await keys_of(app, tenant))[0].last_size == change.boundary.size
    assert await signed_by(app, tenant, await next_head(app, tenant)) == {change.new}
    assert (await signer_of(app, tenant)).key == change.new


async def test_three_keys_sign_while_two_overlaps_last_and_end_one_by_one(
    app: Database, made: TestDatabase, tenant: UUID
) -> None:
    first = await rotate(app, tenant)
    await move_clock(made, tenant, timedelta(days=4))
    second = await rotate(app, tenant)
    assert await signed_by(app, tenant, second.boundary) == {first.old, first.new, second.new}
    await move_clock(made, tenant, timedelta(days=4))
    await next_head(app, tenant)
    assert await signed_by(app, tenant, await next_head(app, tenant)) == {first.new, second.new}
    assert (await audited(app, tenant)).verdict == "good"


async def test_the_worker_that_signs_ends_it_as_well(app: Database, made: TestDatabase, tenant: UUID) -> None:
    worker = await connected(made.worker_url, role="loopctl_worker")
    await rotate(app, tenant)
    await move_clock(made, tenant, LONGEST_OVERLAP)
    await next_head(app, tenant, worker)
    await worker.close()
    assert await private_keys(made, tenant) == 1


class Died(Exception):
    """The process, before COMMIT."""


async def test_a_signer_that_dies_before_its_commit_has_destroyed_nothing(
    app: Database, made: TestDatabase, tenant: UUID
) -> None:
    await rotate(app, tenant)
    await move_clock(made, tenant, LONGEST_OVERLAP)
    await grow(app, tenant, 1)
    with pytest.raises(Died):
        await sign_and_die(app, tenant)
    assert await private_keys(made, tenant) == 2
    assert (await keys_of(app, tenant))[0].last_size is None
    await next_head(app, tenant)
    assert await private_keys(made, tenant) == 1
    assert (await audited(app, tenant)).verdict == "good"


async def sign_and_die(app: Database, tenant: UUID) -> None:
    async with app.tenant_transaction(tenant) as tx:
        await current_checkpoint(tx, KEYRING)
        raise Died
