"""Entries of the log as domain events of the library."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from eventsourcing.persistence import Mapper, StoredEvent
from msgspec import UNSET, Struct

from loopctl.eventsourcing.errors import ReadOnly
from loopctl.tlog.entry import decode_entry


class LogEvent(Struct, frozen=True, kw_only=True):
    """One class for all: ``type`` says which of the events in docs/events.md it is, ``data`` what is listed there."""

    originator_id: str
    """Kind and id of what it happened to, with a colon between them."""
    originator_version: int
    """From 1 on within the originator: one more than the entry's ``eseq``."""
    position: int
    """In the log, from 0 on: one less than the notification's id."""
    type: str
    at: datetime
    actor: tuple[str, ...]
    """Who did it, and on whose behalf."""
    entity: tuple[str, str]
    data: Mapping[str, Any]
    """Empty when the entry has nothing but a commitment."""
    commitment: bytes | None
    """To a payload that is stored elsewhere and can be erased."""


class LogMapper(Mapper[str]):
    def to_domain_event(self, stored_event: StoredEvent) -> LogEvent:
        entry = decode_entry(stored_event.state)
        return LogEvent(
            originator_id=str(stored_event.originator_id),
            originator_version=stored_event.originator_version,
            position=entry.seq,
            type=entry.type,
            at=entry.at,
            actor=entry.actor,
            entity=entry.entity,
            data=entry.value(),
            commitment=None if entry.commit is UNSET else entry.commit,
        )

    def to_stored_event(self, domain_event: object) -> NoReturn:  # noqa: ARG002  # what the library calls
        raise ReadOnly
