"""Changing the key of a tenant's log, from the wish to the head that both keys have signed (spec 05, section 4.1).

Three transactions, after each of which the log can go on with either key:

1. the newest head, which shows that the log is whole;
2. the entry that both keys have signed, alone, together with the new key: all of it or nothing;
3. the boundary head, right after that entry, with a line by each key. Whoever signs next makes it if this does not.
"""

import secrets
from datetime import datetime
from functools import partial
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from msgspec.structs import replace

from domain.event import Stream
from eventstore.database.transaction import TenantTx, retrying
from eventstore.heads.checkpoints import StoredHead, checkpoint_at
from eventstore.heads.last_signed import LastSigned
from eventstore.heads.log_keys import Begin, log_signer, read_key_history, store_log_key
from eventstore.heads.signing import current_checkpoint
from eventstore.keys.keyring import Keyring
from eventstore.log.append import Batch, Head, append, read_head
from eventstore.log.knowledge import Knowledge
from eventstore.log.lane import Store
from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.entry import Entry, encode_entry, timestamp
from loopctl.tlog.hashing import SALT_BYTES, leaf_hash
from loopctl.tlog.rotation import ROTATION_TYPE, rotation_data, sign_rotation
from loopctl.tlog.signer import LogSigner
from loopctl.tlog.tree import append_leaves
from loopctl.tlog.vkey import VerifierKey

HOLD = "SELECT app.hold_log($1)"


class RotatedMeanwhile(Exception):
    """Somebody else has changed the key since this was asked for. Nothing was done: once may be enough."""


class RotationWish(Struct, frozen=True):
    """``reason`` is a lower-case word; ``compromise`` ends the old key with the boundary head."""

    tenant_id: UUID
    actor: tuple[str, ...]
    reason: str


class Signing(Struct, frozen=True):
    """What a signer of heads has."""

    keyring: Keyring
    last_signed: LastSigned | None = None

    async def current(self, tx: TenantTx) -> StoredHead:
        return await current_checkpoint(tx, self.keyring, self.last_signed)


class Rotated(Struct, frozen=True):
    """``position`` of the entry; the boundary head has the size behind it."""

    position: int
    old: VerifierKey
    new: VerifierKey
    boundary: StoredHead


async def rotate_log_key(store: Store, signing: Signing, wish: RotationWish) -> Rotated:
    """Raises RotatedMeanwhile, what `current_checkpoint` raises, TlogError for a reason that is no word.

    After DatabaseUnavailable with an unknown outcome the key history tells whether the second transaction happened.
    """
    # 1.
    async with store.database.tenant_transaction(wish.tenant_id) as tx:
        await signing.current(tx)
        old = (await read_key_history(tx)).newest
    # 2.
    work = partial(_rotate, store=store, keyring=signing.keyring, wish=wish, old=old)
    position, new = await retrying(lambda: store.database.run_to_end(wish.tenant_id, work))
    store.committed(wish.tenant_id, position + 1)
    # 3.
    async with store.database.tenant_transaction(wish.tenant_id) as tx:
        await signing.current(tx)
        boundary = await checkpoint_at(tx, position + 1)
    if boundary is None:
        raise AssertionError("whoever signed a later head has signed the boundary first")
    return Rotated(position, old, new, boundary)


async def _rotate(
    tx: TenantTx, store: Store, keyring: Keyring, wish: RotationWish, old: VerifierKey
) -> tuple[int, VerifierKey]:
    """Position of the entry, new key. What is decided here stays right until COMMIT: nobody else can append."""
    await tx.execute(HOLD, tx.tenant_id)
    signer = await log_signer(tx, keyring)
    if signer.key != old:
        raise RotatedMeanwhile("Somebody else has changed the key of this log in the meantime.")
    private_key = Ed25519PrivateKey.generate()
    new = LogSigner(old.name, private_key)
    head, at = await read_head(tx), store.now()
    core = await _core(tx, head, wish, at)
    data = canonical_json(rotation_data(old, new.key, wish.reason))
    batch = _batch(store, head, encode_entry(sign_rotation(replace(core, data=data), signer, new)), at)
    await append(tx, batch)
    for project in store.projections:
        await project(tx, batch.recorded)
    await store_log_key(tx, keyring, private_key, Begin(old.name, wish.reason, at, first_size=head.size + 1))
    return head.size, new.key


async def _core(tx: TenantTx, head: Head, wish: RotationWish, at: datetime) -> Entry:
    """The next entry of the tenant's own stream, without its data."""
    stream = Stream("tenant", tx.tenant_id)
    known = Knowledge({})
    known.head = head
    await known.learn_ends(tx, [stream])
    version, previous = known.end(stream)
    return Entry(
        seq=head.size,
        prev=head.last_leaf,
        ts=timestamp(at),
        type=ROTATION_TYPE,
        actor=wish.actor,
        entity=(stream.kind, str(stream.id)),
        eseq=version,
        eprev=previous,
        salt=secrets.token_bytes(SALT_BYTES),
    )


def _batch(store: Store, head: Head, entry: bytes, at: datetime) -> Batch:
    """The entry alone, as it was signed."""
    leaf = leaf_hash(entry)
    return Batch(
        head=head,
        entries=[entry],
        leaves=[leaf],
        recorded=[store.codec.decode(entry)],
        growth=append_leaves(head.frontier, [leaf]),
        at=at,
    )
