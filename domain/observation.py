"""What an observer of the work reports. It stands in the audit trail and changes nothing (spec 01, section 4.1)."""

from collections.abc import Mapping
from typing import ClassVar, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from domain.event import ERASED_JSON, Event, Events, JsonText
from domain.fields import Problems

ObservedType = Literal["session", "story", "project"]

LONGEST_EVENT = 100
LARGEST_DATA_BYTES = 60_000
"""As it stands in an entry, quoted as a string: an entry has 65,535 bytes for everything."""


class Observed(Event, frozen=True, kw_only=True):
    """``data`` is whatever the observer says. Its stream is its own."""

    TAG: ClassVar[str] = "audit.observed"
    ERASABLE: ClassVar[Mapping[str, str]] = {"data": ERASED_JSON}
    name: str
    entity_type: ObservedType
    entity_id: UUID
    project_id: UUID | None = None
    data: JsonText | None = None


ObservationEvent = Observed
OBSERVATION_EVENTS = Events[ObservationEvent](ObservationEvent)


class Observation(Struct, frozen=True, kw_only=True):
    """As a client says it. An observation of nothing in particular is of a session that has the observation's id."""

    name: str
    entity_type: str | None
    entity_id: UUID
    project_id: UUID | None
    data: JsonText | None


def observe(observation: Observation) -> Observed:
    """Raises Invalid."""
    problems = Problems()
    name = problems.required("event", observation.name, LONGEST_EVENT)
    entity_type: ObservedType = "session"
    match observation.entity_type:
        case "session" | "story" | "project" as known:
            entity_type = known
        case None:
            pass
        case _:
            problems.add("entity_type", "must be one of session, story, project")
    check_json(problems, "data", observation.data)
    problems.raise_any()
    return Observed(
        name=name, entity_type=entity_type, entity_id=observation.entity_id, project_id=observation.project_id,
        data=observation.data,
    )  # fmt: skip


def check_json(problems: Problems, field: str, text: JsonText | None) -> None:
    """Free-form JSON that has an entry to itself."""
    if text is not None and len(msgspec.json.encode(text)) > LARGEST_DATA_BYTES:
        problems.add(field, f"should be at most {LARGEST_DATA_BYTES} byte(s) as JSON in a string")
