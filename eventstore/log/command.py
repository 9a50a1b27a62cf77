"""What a route hands to the log: what has to be known, what is decided, what is answered."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import datetime
from functools import cached_property, partial
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

from domain.errors import NotFound, Rejected
from domain.event import Event, Recorded, Stream
from eventstore.database.transaction import TenantTx
from loopctl.tlog.entry import Entry

State = TypeVar("State")
Key = TypeVar("Key", bound=Hashable)
Default = TypeVar("Default")


class Need(Struct, Generic[State], frozen=True):
    """One thing to know, by the name of its model and its key; ``State`` is what is then known of it.

    Made by `Model.need` or `Entity.need`, which know the type. Compared by value, so that a cache may hold it.
    """

    model: str
    key: Hashable


class Known(Protocol):
    """What a decision looks at: the state of each of its needs."""

    def __getitem__(self, need: Need[State], /) -> State: ...

    def get(self, need: Need[State], default: Default, /) -> State | Default: ...


class Model(ABC, Generic[Key, State]):
    """Something that decisions need to know, by key: the state of a stream, whether a slug is taken.

    Loaded under the head that the decision is made on, and kept up to date by the events of the decisions before it in
    the same batch; so ``evolve`` must agree with what ``load`` would find after those events were stored.
    """

    name: str
    volatile: bool = False
    """Not kept from one batch to the next: for what depends on more events than `touched` could name."""
    events: tuple[type[Event], ...]
    """Only these, and what is made of them, touch any state."""

    @cached_property
    def need(self) -> Callable[[Key], Need[State]]:
        """From a key; made once, because a transition names a dozen."""
        return partial(Need, self.name)

    @abstractmethod
    async def load(self, tx: TenantTx, keys: Sequence[Key]) -> Mapping[Key, State]:
        """The state of each key; keys that are not known may be left out. One statement."""

    @abstractmethod
    def initial(self, key: Key) -> State:
        """The state of a key that `load` left out."""

    @abstractmethod
    def touched(self, recorded: Recorded) -> Sequence[Key]:
        """The keys whose state an event, one of `events`, may change; ``EVERY`` for all of its states that are known,
        which costs as much as there are."""

    @abstractmethod
    def evolve(self, state: State, recorded: Recorded) -> State:
        """The state after an event that touched it."""


EVERY: Sequence[Any] = ("every",)
"""Compared by identity."""


class Change(Struct, frozen=True):
    """One event to be appended to a stream."""

    stream: Stream
    event: Event
    sign: Callable[[Entry], Entry] | None = None
    """For an event that vouches for its own place: gets the entry in full, position and link included, and returns it
    with the signatures among its data. What is recorded is what it returns."""


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
    """Of the last event that was recorded; None when there was none."""
    replayed: bool = False


class Origin(Struct, frozen=True, kw_only=True):
    """Whose wish a command is, and when it was made."""

    actor: tuple[str, ...]
    at: datetime
    refuse: Callable[[Rejected], Reply]
    """The answer to a refusal. It is kept under the idempotency key as well, so that a retry hears the same."""
    idempotency: IdempotencyKey | None = None
    needs: Sequence[Need[Any]] = ()
    check: Callable[[Known], None] | None = None
    """Whether the one who asks still may, at this head. What it raises is kept under no key."""


class Command(Struct, frozen=True, kw_only=True):
    """One wish. ``decide`` and ``answer`` are pure, and are called again when the batch has to be decided again."""

    origin: Origin
    needs: Sequence[Need[Any]]
    streams: Sequence[Stream] | Callable[[Known], Sequence[Stream]]
    """Every stream that the decision may append to and that may have events already; when it takes what is needed to
    know them, a function of that. (New ids need not be looked up; what is left out costs a second try when it is
    written to.)"""
    decide: Callable[[Known], Sequence[Change] | Refusal]
    """What is known in, changes out. Raises Rejected."""
    answer: Callable[[Known, Sequence[Recorded]], Any]
    """What is known after the changes, and what was recorded: to what the body is encoded from. None: no body."""
    status: int = 200
    """Of the answer, unless it is a refusal."""
    following: Callable[[Known], Sequence[Need[Any]]] | None = None
    """More needs, which show only in what those are: the project that a story is in, and what has been spent there."""
    nonces: Sequence[bytes] = ()
    """What may be used once; a second use fails the whole command."""
    alone: bool = False
    """A batch of its own: for what changes much at once, such as the graph that others' decisions look at."""
    aside: bool = False
    """Decided in a thread beside the event loop's, for which everybody else would wait: for hundreds of events."""
    rehearsal: bool = False
    """Decided and answered as the deed would be, and nothing is written, not even the answer. For decisions of which
    ``answer`` looks only at what was recorded and at states that those events do not change."""
    forgets: bool = False
    """It changes what no event tells, so that its lane reads every state again."""
    beside: Callable[[TenantTx], Awaitable[None]] | None = None
    """Writes what must not enter the log, such as a key's hash, in the same transaction; only when accepted."""


def existing(known: Known, need: Need[State | None]) -> State:
    """Raises NotFound when there is none, or none that the caller may see."""
    state = known[need]
    if state is None:
        raise NotFound("Not found")
    return state
