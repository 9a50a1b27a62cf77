"""A log whose key was rotated, checked before and after its boundary is signed, whole and in pieces."""

from uuid import UUID

from domain.event import Recorded, Stream
from eventstore.database.transaction import Database
from eventstore.heads.log_keys import Begin, log_signer, new_log_key, read_key_history
from eventstore.log.append import Batch, append, read_head
from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.entry import Entry, encode_entry, timestamp
from loopctl.tlog.hashing import leaf_hash
from loopctl.tlog.rotation import ROTATION_TYPE, rotation_data, sign_rotation
from loopctl.tlog.tree import append_leaves
from tests.eventstore.fsck.logs import checked, place, sign, signed_log
from tests.eventstore.growing import KEYRING, NOON, TICK, grow
from tests.eventstore.tampering import superuser
from tests.support.database import TestDatabase

STREAM = Stream("log", UUID(int=1 << 100))


async def rotate(app: Database, tenant: UUID) -> int:
    """The size right after the entry; the old key ends there."""
    async with app.tenant_transaction(tenant) as tx:
        head = await read_head(tx)
        origin = (await read_key_history(tx)).origin
        old = await log_signer(tx, KEYRING)
        await tx.execute("UPDATE app.log_key SET last_size = $2 WHERE tenant_id = $1", tenant, head.size + 1)
        await new_log_key(tx, KEYRING, Begin(origin, "scheduled", NOON, head.size + 1))
        new = await log_signer(tx, KEYRING)
        core = Entry(
            seq=head.size, prev=head.last_leaf, ts=timestamp(NOON), type=ROTATION_TYPE, actor=("test",),
            entity=(STREAM.kind, str(STREAM.id)), eseq=0, eprev=None, salt=bytes(16),
            data=canonical_json(rotation_data(old.key, new.key, "scheduled")),
        )  # fmt: skip
        raw = encode_entry(sign_rotation(core, old, new))
        leaves = [leaf_hash(raw)]
        recorded = [Recorded(head.size, STREAM, 0, NOON, ("test",), TICK)]
        growth = append_leaves(head.frontier, leaves)
        await append(tx, Batch(head=head, entries=[raw], leaves=leaves, recorded=recorded, growth=growth, at=NOON))
    return head.size + 1


async def test_a_rotation_is_followed_also_from_behind_it(app: Database) -> None:
    tenant = await signed_log(app)
    boundary = await rotate(app, tenant)
    assert (await checked(app, tenant)).verdict == "good", "its boundary is not signed yet"
    await grow(app, tenant, 300)
    await sign(app, tenant)
    whole = await checked(app, tenant)
    assert (whole.fault, whole.size, whole.heads) == (None, boundary + 300, 5)
    assert (await checked(app, tenant, newest=100)).fault is None
    first = await checked(app, tenant, most=768)
    assert first.position is not None
    assert len(first.position.keys) == 2
    assert (await checked(app, tenant, resume=first.position)).verdict == "good"


async def test_a_boundary_head_that_is_gone_is_missed(app: Database, made: TestDatabase) -> None:
    tenant = await signed_log(app)
    boundary = await rotate(app, tenant)
    await grow(app, tenant, 100)
    await sign(app, tenant)
    async with superuser(made) as connection:
        await connection.execute("DELETE FROM app.log_checkpoint WHERE tenant_id = $1 AND size = $2", tenant, boundary)
    assert place(await checked(app, tenant)) == ("member_missing", f"checkpoints/{boundary}")


async def test_a_key_that_ends_elsewhere_than_its_lines_is_noticed(app: Database, made: TestDatabase) -> None:
    tenant = await signed_log(app)
    boundary = await rotate(app, tenant)
    await grow(app, tenant, 100)
    await sign(app, tenant)
    async with superuser(made) as connection:
        await connection.execute(
            "UPDATE app.log_key SET last_size = $2 WHERE tenant_id = $1 AND last_size = $3",
            tenant,
            boundary + 50,
            boundary,
        )
    assert (await checked(app, tenant)).verdict == "good", "no head has that size"
    async with superuser(made) as connection:
        await connection.execute(
            "UPDATE app.log_key SET last_size = $2 WHERE tenant_id = $1 AND last_size = $3",
            tenant, boundary + 100, boundary + 50,
        )  # fmt: skip
    assert place(await checked(app, tenant)) == ("head_lines", f"checkpoints/{boundary + 100}")
