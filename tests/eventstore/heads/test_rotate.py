"""Changing the key of a log: one vkey leads through all changes, a stolen old key is worth nothing (spec 05, R12)."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest
from msgspec import Struct

from api.log.rotating import Rotated
from domain.errors import Invalid
from domain.log_key import REASON, LogKeyRotated
from eventstore.database.transaction import Database
from eventstore.heads.log_keys import Begin, LogKey, history_of, known_at, new_log_key
from eventstore.heads.tree import consistency_proof, receipt
from loopctl.tlog import rotation
from loopctl.tlog.checkpoint import check_extends, make_checkpoint
from loopctl.tlog.entry import decode_entry
from loopctl.tlog.errors import TlogError
from loopctl.tlog.keys import first_key
from loopctl.tlog.rotation import RotationStep, follow_rotations
from loopctl.tlog.signer import LogSigner, sign_checkpoint
from loopctl.tlog.tile import Bundle, parse_bundle, tile_path
from loopctl.tlog.trust import Trust, open_checkpoint
from tests.eventstore.growing import KEYRING, NOON, grow, opened_log
from tests.eventstore.heads.test_heads import sign
from tests.eventstore.rotating import audited, exported, keys_of, rotate, rotations_in, signer_of
from tests.eventstore.writing import CODEC
from tests.loopctl.audit.bundles import NO_EPOCHS, NO_ROOTS, Files, fault, judge
from tests.support.database import TestDatabase, connected, copied_database
from tests.support.sample_log import THIEF

PARTS = (2_000, 3_000, 4_000, 996)
SIZE = 10_000
"""With the three entries of the changes, and one more."""


class Long(Struct, frozen=True):
    """A log whose key was changed three times."""

    tenant: UUID
    signers: Sequence[LogSigner]
    changes: Sequence[Rotated]
    keys: Sequence[LogKey]
    bundle: Files


@pytest.fixture(scope="module")
async def made(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    """Shared by the tests of this file: each brings tenants of its own."""
    async with copied_database(postgres_admin_url, database_template) as database:
        yield database


@pytest.fixture(scope="module")
async def shared(made: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(made.app_url, role="loopctl_app")
    yield opened
    await opened.close()


@pytest.fixture
async def tenant(shared: Database) -> UUID:
    tenant = await opened_log(shared)
    await grow(shared, tenant, 5)
    return tenant


@pytest.fixture(scope="module")
async def long(shared: Database) -> Long:
    """Every key but the last was in other hands, so that it ends with its change; heads between and after."""
    tenant = await opened_log(shared)
    signers, changes = [], []
    for number, part in enumerate(PARTS):
        signers.append(await signer_of(shared, tenant))
        for piece in (part // 2, part - part // 2):
            await grow(shared, tenant, piece)
            await sign(shared, tenant)
        if number < 3:
            changes.append(await rotate(shared, tenant, "compromise"))
    await grow(shared, tenant, 1)
    return Long(tenant, signers, changes, await keys_of(shared, tenant), await exported(shared, tenant))


# One key leads to all others ------------------------------------------------------------------------------------------


async def test_the_first_vkey_alone_leads_to_the_newest_head_of_10000_entries(shared: Database, long: Long) -> None:
    report = judge(long.bundle, long.signers[0].key)
    assert (report.verdict, report.size, report.checked.log_keys) == ("good", SIZE, 4)
    assert [each.boundary for each in report.rotations] == [change.position + 1 for change in long.changes]
    assert [each.new_vkey for each in report.rotations] == [signer.key.text() for signer in long.signers[1:]]
    assert fault(judge(long.bundle, THIEF.key)).code == "key_unknown"


async def test_every_head_that_was_ever_signed_verifies(shared: Database, long: Long) -> None:
    heads = [name for name in long.bundle if name.startswith("checkpoints/")]
    assert judge(long.bundle, long.signers[0].key).checked.heads == len(heads) == 12
    for name in heads:
        damaged = long.bundle[name].replace(b"\n\n", b"\n\n\n", 1)
        assert judge({**long.bundle, name: damaged}, long.signers[0].key).verdict == "bad"


async def test_the_steps_can_be_followed_without_the_entries_between(shared: Database, long: Long) -> None:
    """Entry, receipt and consistency proof of each change: O(log n) for each."""
    steps, before = [], 0
    async with shared.tenant_transaction(long.tenant) as tx:
        for change in long.changes:
            size = change.position + 1
            made = await receipt(tx, change.position, size, change.boundary.note)
            proof = tuple(await consistency_proof(tx, before, size)) if before else ()
            steps.append(RotationStep(entry_at(long.bundle, change.position), made.encode(), proof))
            before = size
    followed = follow_rotations(Trust(first_key(long.signers[0].key)), steps)
    assert followed.trust.history.newest == long.signers[3].key
    newest = open_checkpoint(long.bundle["checkpoint"], followed.trust)
    assert newest.checkpoint.size == SIZE
    with pytest.raises(TlogError):
        follow_rotations(Trust(first_key(long.signers[0].key)), steps[1:])


async def test_the_boundary_head_opens_with_either_key_and_with_no_other(long: Long) -> None:
    for number, change in enumerate(long.changes):
        for key, opens in zip([each.key for each in long.signers], range(4), strict=True):
            trust = Trust(first_key(key))
            if opens in (number, number + 1):
                assert open_checkpoint(change.boundary.note, trust).checkpoint.size == change.position + 1
            else:
                with pytest.raises(TlogError, match="no line by a known key"):
                    open_checkpoint(change.boundary.note, trust)


# A stolen old key -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(3))
async def test_a_head_by_a_retired_key_beyond_its_last_size_is_refused(
    shared: Database, long: Long, number: int
) -> None:
    newest = open_checkpoint(long.bundle["checkpoint"], Trust(history_of(long.keys))).checkpoint
    forged = sign_checkpoint(newest, [long.signers[number]]).encode()
    with pytest.raises(TlogError) as refused:
        open_checkpoint(forged, Trust(history_of(long.keys)))
    assert refused.value.code == "key_retired"
    assert open_checkpoint(forged, Trust(first_key(long.signers[number].key))).checkpoint == newest, "the control"
    bundle = {**long.bundle, f"checkpoints/{SIZE}": forged, "checkpoint": forged}
    assert fault(judge(bundle, long.signers[0].key)).code == "key_retired"
    assert judge(bundle, long.signers[0].key, checks=NO_EPOCHS).verdict == "good"


async def test_a_forged_small_head_by_a_retired_key_is_refused_through_consistency(
    shared: Database, long: Long
) -> None:
    trust = Trust(history_of(long.keys))
    newest = open_checkpoint(long.bundle["checkpoint"], trust).checkpoint
    async with shared.tenant_transaction(long.tenant) as tx:
        proof = await consistency_proof(tx, 1_000, SIZE)
    forged = sign_checkpoint(make_checkpoint(newest.origin, 1_000, bytes(32)), [long.signers[0]]).encode()
    small = open_checkpoint(forged, trust).checkpoint
    with pytest.raises(TlogError):
        check_extends(small, newest, proof)
    check_extends(open_checkpoint(long.bundle["checkpoints/1000"], trust).checkpoint, newest, proof)
    bundle = {**long.bundle, "checkpoints/1000": forged}
    assert fault(judge(bundle, long.signers[0].key)).code == "root_differs"
    assert judge(bundle, long.signers[0].key, checks=NO_ROOTS).verdict == "good"


# What is written ------------------------------------------------------------------------------------------------------


async def test_the_entry_is_of_the_tenants_stream_and_reads_back_as_its_event(shared: Database, tenant: UUID) -> None:
    first, second = await rotate(shared, tenant), await rotate(shared, tenant)
    bundle = await exported(shared, tenant)
    entries = [decode_entry(entry_at(bundle, change.position)) for change in (first, second)]
    assert [(entry.entity, entry.eseq, entry.eprev) for entry in entries] == [
        (("tenant", str(tenant)), 0, None),
        (("tenant", str(tenant)), 1, first.position),
    ]
    event = CODEC.decode(entry_at(bundle, second.position)).event
    assert isinstance(event, LogKeyRotated)
    assert CODEC.encode(event) == entries[1].data
    assert (event.old_key_id, event.new_vkey) == (first.new.key_id.hex(), second.new.text())


def test_the_domain_and_the_format_mean_the_same() -> None:
    assert (LogKeyRotated.TAG, REASON) == (rotation.ROTATION_TYPE, rotation.REASON)


async def test_a_reason_that_is_no_word_changes_nothing(shared: Database, tenant: UUID) -> None:
    with pytest.raises(Invalid):
        await rotate(shared, tenant, "No reason")
    assert (await rotations_in(shared, tenant), len(await keys_of(shared, tenant))) == (0, 1)


async def test_the_reason_in_the_key_history_is_the_one_in_the_entry(shared: Database, tenant: UUID) -> None:
    await rotate(shared, tenant, "staff_left")
    assert [key.reason for key in await keys_of(shared, tenant)] == ["created", "staff_left"]
    assert (await audited(shared, tenant)).rotations[0].reason == "staff_left"


async def test_a_key_that_no_entry_has_brought_is_found_by_the_auditor(shared: Database, tenant: UUID) -> None:
    """The control for every test here that calls a log whole."""
    async with shared.tenant_transaction(tenant) as tx:
        await new_log_key(tx, KEYRING, Begin(f"example.org/t/{tenant}", "scheduled", NOON, 5))
    assert fault(await audited(shared, tenant)).code in {"keys_differ", "signature_unknown"}


async def test_an_export_begun_before_a_change_tells_the_keys_of_its_own_time(shared: Database, long: Long) -> None:
    for number, change in enumerate(long.changes):
        before, after = known_at(long.keys, change.position), known_at(long.keys, change.position + 1)
        assert history_of(before).newest == long.signers[number].key
        assert history_of(after).newest == long.signers[number + 1].key
        assert before[-1].retired_at is None
    with pytest.raises(TlogError):
        history_of(long.keys[:1])


def entry_at(bundle: Files, position: int) -> bytes:
    index = position // 256
    name = next(name for name in bundle if name.split(".p/")[0] == tile_path(Bundle(index)))
    width = int(name.split(".p/")[1]) if ".p/" in name else 256
    return parse_bundle(Bundle(index, width), bundle[name])[position % 256]
