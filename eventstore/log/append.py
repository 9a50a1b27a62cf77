"""The one way into the log: what was decided on a head becomes one call of app.append_batch."""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct, convert, structs

from domain.event import Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.payloads import Payload, keep_payloads
from loopctl.tlog.canonical import CanonicalJson
from loopctl.tlog.entry import Entry, decode_entry, encode_entry, timestamp
from loopctl.tlog.hashing import NO_LEAF, SALT_BYTES, leaf_hash, payload_commitment
from loopctl.tlog.tree import EMPTY, Frontier, Growth, append_leaves, parse_frontier

READ_HEAD = "SELECT size, last_leaf, frontier FROM app.log_head WHERE tenant_id = $1"

APPEND = """
    SELECT app.append_batch(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
"""

HEAD_MOVED = "LC001"


class HeadMoved(Exception):
    """Somebody else has appended since the head was read: decide again."""


class NoLog(Exception):
    """The tenant has no log."""


class Head(Struct, frozen=True):
    """Where the log ends."""

    last_leaf: bytes = NO_LEAF
    frontier: Frontier = EMPTY

    @property
    def size(self) -> int:
        return self.frontier.size


class NewEvent(Struct, frozen=True):
    """A decided event with its place. ``previous`` is the position of its stream's event before; None for the first."""

    recorded: Recorded
    previous: int | None
    data: CanonicalJson
    sign: Callable[[Entry], Entry] | None = None
    payload: CanonicalJson | None = None
    """Texts that can be erased: kept beside the log."""


class Answer(Struct, frozen=True, kw_only=True):
    """What a command was answered, kept for whoever asks again with the same key."""

    caller_id: UUID
    key: str
    request_hash: bytes
    status: int
    body: bytes
    position: int | None
    """Of the first event; None for a refusal."""


class Batch(Struct, frozen=True, kw_only=True):
    """Everything that one transaction writes. Positions in ``nonces`` are of this batch's events."""

    head: Head
    entries: Sequence[bytes]
    leaves: Sequence[bytes]
    recorded: Sequence[Recorded]
    growth: Growth
    payloads: Sequence[Payload] = ()
    answers: Sequence[Answer] = ()
    nonces: Sequence[tuple[bytes, int]] = ()
    at: datetime

    @property
    def new_head(self) -> Head:
        return Head(self.leaves[-1] if self.leaves else self.head.last_leaf, self.growth.frontier)


async def read_head(tx: TenantTx) -> Head:
    """Raises NoLog."""
    row = await tx.fetchrow(READ_HEAD, tx.tenant_id)
    if row is None:
        raise NoLog
    return Head(row["last_leaf"], parse_frontier(row["size"], row["frontier"]))


def encode_batch(
    head: Head,
    events: Sequence[NewEvent],
    *,
    at: datetime,
    answers: Sequence[Answer] = (),
    nonces: Sequence[tuple[bytes, int]] = (),
) -> Batch:
    """Makes the bytes, the chain and the tree. Raises TlogError when an event does not fit into an entry."""
    entries: list[bytes] = []
    leaves: list[bytes] = []
    recorded: list[Recorded] = []
    payloads: list[Payload] = []
    previous = head.last_leaf
    salts = secrets.token_bytes(SALT_BYTES * len(events))  # one call of the system for all of them
    for number, new in enumerate(events):
        core = entry_of(new, previous, salts[SALT_BYTES * number : SALT_BYTES * (number + 1)])
        if new.payload is not None:
            kept = Payload(new.recorded.position, secrets.token_bytes(SALT_BYTES), bytes(new.payload))
            payloads.append(kept)
            core = structs.replace(core, commit=payload_commitment(kept.salt, kept.payload))
        entry = encode_entry(new.sign(core) if new.sign else core)
        previous = leaf_hash(entry)
        entries.append(entry)
        leaves.append(previous)
        recorded.append(_as_signed(new.recorded, entry) if new.sign else new.recorded)
    return Batch(
        head=head,
        entries=entries,
        leaves=leaves,
        recorded=recorded,
        growth=append_leaves(head.frontier, leaves),
        payloads=payloads,
        answers=answers,
        nonces=nonces,
        at=at,
    )


def _as_signed(recorded: Recorded, entry: bytes) -> Recorded:
    return structs.replace(recorded, event=convert(decode_entry(entry).value(), type(recorded.event)))


def entry_of(new: NewEvent, previous_leaf: bytes, salt: bytes) -> Entry:
    recorded = new.recorded
    return Entry(
        seq=recorded.position,
        prev=previous_leaf,
        ts=timestamp(recorded.at),
        type=recorded.event.TAG,
        actor=recorded.actor,
        entity=(recorded.stream.kind, str(recorded.stream.id)),
        eseq=recorded.version,
        eprev=new.previous,
        salt=salt,
        data=new.data,
    )


async def append(tx: TenantTx, batch: Batch) -> None:
    """Writes the batch at the end of the log of the transaction's tenant. Raises HeadMoved.

    A crash before COMMIT leaves nothing of it; after COMMIT everything, answers included.
    """
    try:
        await tx.execute(APPEND, tx.tenant_id, *arguments_of(batch))
    except asyncpg.PostgresError as error:
        check_moved(error)
        raise
    if batch.payloads:
        await keep_payloads(tx, batch.payloads)


def arguments_of(batch: Batch) -> tuple[object, ...]:
    """Of app.append_batch and of whatever passes them on to it, behind the tenant."""
    writes, answers = batch.growth.writes, batch.answers
    return (
        batch.head.size, batch.entries, batch.leaves,
        [new.stream.id for new in batch.recorded], [new.version for new in batch.recorded],
        batch.growth.frontier.data(),
        [write.level for write in writes], [write.index for write in writes],
        [write.offset for write in writes], [write.data for write in writes],
        [], [],  # messages to send, which nothing has: webhooks have rows of their own
        [answer.caller_id for answer in answers], [answer.key for answer in answers],
        [answer.request_hash for answer in answers], [answer.status for answer in answers],
        [answer.body for answer in answers],
        [nonce for nonce, _ in batch.nonces], [position for _, position in batch.nonces],
        batch.at, [answer.position for answer in answers],
    )  # fmt: skip


def check_moved(error: asyncpg.PostgresError) -> None:
    """Of a call that compares the head. Raises HeadMoved when this is what it said."""
    if error.sqlstate == HEAD_MOVED:
        raise HeadMoved from error
