"""What a route hands to the log: what has to be known, what is decided, what is answered."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct

from domain.errors import Rejected
from domain.event import Event, Recorded, Stream
from eventstore.database.transaction import TenantTx


class Model(Protocol):
    """Something that decisions need to know, by key: the state of a stream, whether a slug is taken.

    Loaded under the head that the decision is made on, and kept up to date by the events of the decisions before it in
    the same batch; so ``evolve`` must agree with what ``load`` would find after those events were stored.
    """

    name: str
    volatile: bool
    """Not kept from one batch to the next: for what depends on more events than `touched` could name."""

    async def load(self, tx: TenantTx, keys: Sequence[Any]) -> Mapping[Any, Any]:
        """The state of each key; keys that are not known may be left out. One statement."""

    def initial(self, key: Any) -> Any:
        """The state of a key that `load` left out."""

    @property
    def events(self) -> tuple[type[Event], ...]:
        """Only these, and what is made of them, touch any state."""

    def touched(self, recorded: Recorded) -> Sequence[Any]:
        """The keys whose state an event, one of `events`, changes; a volatile model may answer ``EVERY``, for all of
        its states in the batch."""

    def evolve(self, state: Any, recorded: Recorded) -> Any: ...


EVERY: Sequence[Any] = ("every",)
"""Compared by identity."""


class Need(Struct, frozen=True):
    """One thing to know. Compared by the model's name, so that a cache may hold it."""

    model: str
    key: Hashable


class Change(Struct, frozen=True):
    """One event to be appended to a stream."""

    stream: Stream
    event: Event


class Refusal(Struct, frozen=True):
    """A refusal that is itself worth an event: ``changes`` are appended, and the caller hears ``error``."""

    error: Rejected
    changes: Sequence[Change]


class IdempotencyKey(Struct, frozen=True):
    """``request_hash`` is SHA-256 over method, path and body: the same key with another request is refused."""

    caller_id: UUID
    key: str
    request_hash: bytes


class Reply(Struct, frozen=True):
    """As sent to the client, and kept under the idempotency key. ``replayed`` when it is an earlier one."""

    status: int
    body: bytes
    position: int | None = None
    replayed: bool = False


class Command(Struct, frozen=True, kw_only=True):
    """One wish. Its three functions are pure, and are called again when the batch has to be decided again."""

    actor: tuple[str, ...]
    at: datetime
    needs: Sequence[Need]
    streams: Sequence[Stream] | Callable[[Mapping[Need, Any]], Sequence[Stream]]
    """Every stream that the decision may append to and that may have events already; when it takes what is needed to
    know them, a function of that. (New ids need not be looked up.)"""
    decide: Callable[[Mapping[Need, Any]], Sequence[Change] | Refusal]
    """What is known in, changes out. Raises Rejected."""
    reply: Callable[[Mapping[Need, Any], Sequence[Recorded]], Reply]
    """The answer: what is known after the changes, and what was recorded."""
    refuse: Callable[[Rejected], Reply]
    """The answer to a refusal. It is kept under the idempotency key as well, so that a retry hears the same."""
    idempotency: IdempotencyKey | None = None
    nonces: Sequence[bytes] = ()
    """What may be used once; a second use fails the whole command."""
    alone: bool = False
    """A batch of its own: for what changes much at once, such as the graph that others' decisions look at."""
    beside: Callable[[TenantTx], Awaitable[None]] | None = None
    """Writes what must not enter the log, such as a key's hash, in the same transaction; only when accepted."""
