"""A batch of commands, decided one after the other against the state that those before it left."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from domain.errors import Invalid, Rejected
from domain.event import LARGEST_DATA, Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.append import Answer, NewEvent
from eventstore.log.codec import Codec, Written
from eventstore.log.command import Change, Command, IdempotencyKey, Refusal, Reply
from eventstore.log.knowledge import Knowledge
from loopctl.tlog.errors import TlogError

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
            command.origin.check(known.view())
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the caller's alone
        return error
    return None


def _decide(codec: Codec, known: Knowledge, command: Command, decided: Decided) -> Reply | Exception:
    """A refusal is the caller's answer; anything else that is raised is a bug, and the caller's alone too."""
    origin = command.origin
    try:
        verdict = command.decide(known.view())
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
    body = command.answer(known.view(), recorded)
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
    body = command.answer(known.view(), recorded)
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
