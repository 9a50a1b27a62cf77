"""What a lane knows at one head, and a batch of commands, each decided against the state that those before it left.

Known are states of models, and where each stream ends.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct, structs

from domain.errors import Invalid, Rejected
from domain.event import LARGEST_DATA, Event, Recorded, Stream
from eventstore.database.transaction import TenantTx
from eventstore.log.append import Answer, Head, HeadMoved, NewEvent
from eventstore.log.codec import Codec, Written
from eventstore.log.command import EVERY, Change, Command, IdempotencyKey, Known, Model, Need, Refusal, Reply
from eventstore.log.short_way import Found
from loopctl.tlog.errors import TlogError

# One probe of the index for each stream, whatever the planner believes about a table that has just grown.
STREAM_ENDS = """
    SELECT asked.id AS stream_id, last.stream_version, last.position
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT e.stream_version, e.position
             FROM app.log_entry AS e
            WHERE e.tenant_id = $1 AND e.stream_id = asked.id
            ORDER BY e.stream_version DESC
            LIMIT 1) AS last
"""

MOST_REMEMBERED = 20_000
"""States kept between batches, per tenant."""


class Knowledge:
    """Valid together with the head it was read under, and dropped as a whole when the head has moved without us."""

    def __init__(self, models: Mapping[str, Model[Any, Any]]) -> None:
        self._models = models
        self._fleeting: list[Need[Any]] = []
        """States of volatile models, which this batch alone may use."""
        self._states: OrderedDict[Need[Any], Any] = OrderedDict()
        self.states: Known = self._states
        """For decisions."""
        self._held: set[str] = set()
        """Models of which a state was known since the last `forget`: an event touches nothing of the others."""
        self._by_event: dict[type[Event], Sequence[Model[Any, Any]]] = {}
        self._ends: OrderedDict[UUID, tuple[int, int] | None] = OrderedDict()
        self.taken_for_new: set[Stream] = set()
        """Streams that got an event in this batch and of which no end was known."""
        self.before: dict[Need[Any], Any] = {}
        """What the events of this batch found, of all states that they have moved."""
        self.head: Head | None = None

    def forget(self) -> None:
        self._states.clear()
        self._held.clear()
        self._fleeting.clear()
        self._ends.clear()
        self.taken_for_new.clear()
        self.before.clear()
        self.head = None

    async def learn(self, tx: TenantTx, commands: Sequence[Command]) -> None:
        """Reads what is not known yet: one statement for each model, one for the ends of streams."""
        await self._learn_states(tx, commands)
        named = (each.streams(self.states) if callable(each.streams) else each.streams for each in commands)
        await self.learn_ends(tx, (stream for streams in named for stream in streams))

    def unknown(self, commands: Sequence[Command]) -> dict[str, list[Any]]:
        """Keys of what these need and is not known yet, by model; with what shows only in other states, once those are
        known."""
        missing: dict[str, dict[Any, None]] = {}
        for need in (need for command in commands for need in self._needs(command)):
            if need not in self._states:
                missing.setdefault(need.model, {})[need.key] = None
        return {name: list(keys) for name, keys in missing.items()}

    def _needs(self, command: Command) -> Sequence[Need[Any]]:
        if command.following is None or any(need not in self._states for need in command.needs):
            return (*command.needs, *command.origin.needs)
        return (*command.needs, *command.origin.needs, *command.following(self.states))

    def unknown_ends(self, commands: Sequence[Command]) -> list[UUID]:
        """Streams whose end is not known yet, of those that can be named without more states."""
        named = (stream.id for command in commands for stream in self._streams(command))
        return list(dict.fromkeys(id_ for id_ in named if id_ not in self._ends))

    def _streams(self, command: Command) -> Sequence[Stream]:
        if not callable(command.streams):
            return command.streams
        known = all(need in self._states for need in command.needs)
        return command.streams(self.states) if known else ()

    def take(self, found: Found, asked: Mapping[str, Sequence[Any]], streams: Sequence[UUID]) -> None:
        """What was looked up. Raises HeadMoved when it is of another head than what is known already."""
        if self.head is None:
            self.head = found.head
        elif self.head != found.head:
            raise HeadMoved  # after a failover that lost entries, another log may have grown to the same size
        for name, keys in asked.items():
            self._keep(name, keys, found.states.get(name, {}))
        self._ends.update(dict.fromkeys(streams))
        self._ends.update(found.ends)

    def _keep(self, name: str, keys: Sequence[Any], found: Mapping[Any, Any]) -> None:
        model = self._models[name]
        self._held.add(name)
        for key in keys:
            self._states[Need(name, key)] = found[key] if key in found else model.initial(key)
        if model.volatile:
            self._fleeting += [Need(name, key) for key in keys]

    async def _learn_states(self, tx: TenantTx, commands: Sequence[Command]) -> None:
        while missing := self.unknown(commands):
            for name, keys in missing.items():
                self._keep(name, keys, await self._models[name].load(tx, keys))

    async def learn_ends(self, tx: TenantTx, streams: Iterable[Stream]) -> None:
        """Where these streams end, as far as it is not known yet; one statement.

        Raises HeadMoved when somebody has appended to one of them since the head was read.
        """
        unknown = [stream.id for stream in streams if stream.id not in self._ends]
        if unknown:
            self._ends.update(dict.fromkeys(unknown))
            for row in await tx.fetch(STREAM_ENDS, tx.tenant_id, unknown):
                if row["position"] >= self.size:
                    raise HeadMoved  # written by another process since the head was read
                self._ends[row["stream_id"]] = (row["stream_version"], row["position"])

    def end(self, stream: Stream) -> tuple[int, int | None]:
        """Version of the next event of the stream, position of its last one."""
        known = self._ends.get(stream.id)
        if known is None:
            self.taken_for_new.add(stream)
            return 0, None
        return known[0] + 1, known[1]

    @property
    def at(self) -> Head:
        """The head that all this was read under."""
        if self.head is None:
            raise RuntimeError("the head was not read")
        return self.head

    @property
    def size(self) -> int:
        """Of the log at that head."""
        return self.at.frontier.size

    def take_in(self, recorded: Recorded) -> None:
        """One event more: every state that is known and touched moves on."""
        self._ends[recorded.stream.id] = (recorded.version, recorded.position)
        for model in self._concerned(type(recorded.event)):
            if model.name not in self._held:
                continue
            keys = model.touched(recorded)
            for need in self._every(model) if keys is EVERY else [Need(model.name, key) for key in keys]:
                if need.model == model.name and need in self._states:
                    state = self._states[need]
                    self.before.setdefault(need, state)
                    self._states[need] = model.evolve(state, recorded)

    def _every(self, model: Model[Any, Any]) -> Sequence[Need[Any]]:
        return self._fleeting if model.volatile else [need for need in self._states if need.model == model.name]

    def _concerned(self, event: type[Event]) -> Sequence[Model[Any, Any]]:
        """Most events concern one model or two of all: asking each of them each time would cost more than the rest."""
        found = self._by_event.get(event)
        if found is None:
            found = [model for model in self._models.values() if issubclass(event, model.events)]
            self._by_event[event] = found
        return found

    def trim(self) -> None:
        """After a batch. Volatile states go; of the others the oldest, which keeps memory bounded."""
        for need in self._fleeting:
            self._states.pop(need, None)  # two commands of the batch may have needed the same
        self._held.difference_update({need.model for need in self._fleeting})
        self._fleeting.clear()
        self.taken_for_new.clear()
        self.before.clear()
        while len(self._states) > MOST_REMEMBERED:
            self._states.popitem(last=False)
        while len(self._ends) > MOST_REMEMBERED:
            self._ends.popitem(last=False)


ENCODER = msgspec.json.Encoder()

Replies = dict[tuple[Any, str], tuple[bytes, Reply]]
"""Caller and key → hash of the request that it was used for, and what was answered."""


class Decided(Struct):
    """What the batch comes to. ``outcomes`` has one for each command, in order."""

    events: list[NewEvent]
    answers: list[Answer]
    nonces: list[tuple[bytes, int]]
    beside: list[Callable[[TenantTx], Awaitable[None]]]
    outcomes: list[Reply | Exception]


def decide_in_order(codec: Codec, known: Knowledge, commands: Sequence[Command], earlier: Replies) -> Decided:
    """``earlier`` are replies from before this batch. ``known`` moves on with every event."""
    decided = Decided([], [], [], [], [])
    replies = dict(earlier)
    for command in commands:
        if (stopped := _stopped(known, command)) is not None:
            decided.outcomes.append(stopped)
            continue
        key = command.origin.idempotency
        used = replies.get((key.caller_id, key.key)) if key else None
        if key and used:
            decided.outcomes.append(answered_again(key, *used))
            continue
        outcome = _decide(codec, known, command, decided)
        decided.outcomes.append(outcome)
        if key and isinstance(outcome, Reply) and not command.rehearsal:
            replies[key.caller_id, key.key] = (key.request_hash, outcome)
            decided.answers.append(
                Answer(
                    caller_id=key.caller_id, key=key.key, request_hash=key.request_hash,
                    status=outcome.status, body=outcome.body, position=outcome.position,
                )
            )  # fmt: skip
    return decided


def answered_again(key: IdempotencyKey, request_hash: bytes, reply: Reply) -> Reply | Exception:
    """To the same request its first answer, to another one an error."""
    if request_hash != key.request_hash:
        return Invalid("This Idempotency-Key was used for another request.", code="idempotency_key_reused")
    return structs.replace(reply, replayed=True)


def _stopped(known: Knowledge, command: Command) -> Exception | None:
    """Why the one who asks may not any more; then not even an earlier answer is said again."""
    try:
        if command.origin.check:
            command.origin.check(known.states)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the caller's alone
        return error
    return None


def _decide(codec: Codec, known: Knowledge, command: Command, decided: Decided) -> Reply | Exception:
    """A refusal is the caller's answer; anything else that is raised is a bug, and the caller's alone too."""
    origin = command.origin
    try:
        verdict = command.decide(known.states)
        changes = verdict.changes if isinstance(verdict, Refusal) else verdict
        data = [_encoded(codec, change) for change in changes]
    except Rejected as refusal:
        return origin.refuse(refusal)
    except TlogError as error:
        return origin.refuse(Invalid(body=f"cannot be recorded: {error.problem}"))
    except Exception as bug:  # noqa: BLE001  # decide is pure: nothing of this command has happened
        return bug
    if command.rehearsal:
        return _rehearsed(known, command, verdict, decided)
    recorded = [_place(known, command, change, encoded, decided) for change, encoded in zip(changes, data, strict=True)]
    if isinstance(verdict, Refusal):
        return origin.refuse(verdict.error)
    if recorded:
        decided.nonces += [(nonce, recorded[0].position) for nonce in command.nonces]
    if command.beside:
        decided.beside.append(command.beside)
    body = command.answer(known.states, recorded)
    encoded = b"" if body is None else ENCODER.encode(body)
    return Reply(command.status, encoded, recorded[-1].position if recorded else None)


def _rehearsed(
    known: Knowledge, command: Command, verdict: Sequence[Change] | Refusal, decided: Decided
) -> Reply | Exception:
    """What the deed would answer, without a place in the log."""
    origin, first = command.origin, known.size + len(decided.events)
    if isinstance(verdict, Refusal):
        return origin.refuse(verdict.error)
    recorded = [
        Recorded(position, change.stream, 0, origin.at, origin.actor, change.event)
        for position, change in enumerate(verdict, first)
    ]
    body = command.answer(known.states, recorded)
    return Reply(command.status, b"" if body is None else ENCODER.encode(body))


def _encoded(codec: Codec, change: Change) -> Written:
    if change.stream.kind != change.event.stream_kind():
        raise ValueError(f"{change.event.TAG} does not happen in streams of kind {change.stream.kind}")
    written = codec.write(change.event)
    beside = 0 if change.event.TEXTS_APART else len(bytes(written.payload or b""))
    if len(bytes(written.data)) + beside > LARGEST_DATA:
        problem = f"its texts are together more than {LARGEST_DATA} bytes of JSON in UTF-8: make one of them shorter"
        raise TlogError("entry_too_large", "event", problem)
    return written


def _place(known: Knowledge, command: Command, change: Change, written: Written, decided: Decided) -> Recorded:
    version, previous = known.end(change.stream)
    recorded = Recorded(
        known.size + len(decided.events), change.stream, version, command.origin.at, command.origin.actor, change.event
    )
    decided.events.append(NewEvent(recorded, previous, written.data, change.sign, written.payload))
    known.take_in(recorded)
    return recorded
