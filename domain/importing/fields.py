"""What an import says of one epic or one story, as the domain's own fields."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from domain.epic import EpicFields
from domain.errors import Forbidden, Invalid
from domain.event import LARGEST_DATA, Event, JsonText
from domain.fields import INVALID
from domain.importing.payload import NOT_A_MAP, EpicItem, StoryItem, wrong
from domain.story import AgentStatus, StoryFields, VerifiedStatus

AGENT_STATUSES = ("pending", "contracted", "assigned", "implementing", "reported_done")
VERIFIED = ("pass", "verified")
NOT_VERIFIED = ("fail", "unverified", "rejected")


class Statuses(Struct, frozen=True):
    """What a story comes in with."""

    agent: AgentStatus = "pending"
    verified: VerifiedStatus = "unverified"


@contextmanager
def under(path: str) -> Iterator[None]:
    """Whatever is found wrong with a field inside is wrong at this path."""
    try:
        yield
    except Invalid as error:
        details = error.facts.get("details") or {}
        raise Invalid(**{f"{path}.{field}": problem for field, problem in details.items()}) from None


def epic_fields(item: EpicItem) -> EpicFields:
    """Null is not said. Raises Invalid for what is of another type."""
    path, given = item.path, item.given
    position = given.get("position")
    if not isinstance(position, int | None) or isinstance(position, bool):
        raise wrong(f"{path}.position", INVALID)
    return EpicFields(
        title=given["title"],
        description=_text(path, given, "description"),
        phase=_text(path, given, "phase"),
        position=UNSET if position is None else position,
        metadata=_metadata(path, given),
    )


def story_fields(item: StoryItem) -> StoryFields:
    """Null is not said. Raises Invalid for what is of another type."""
    hours, criteria = item.given.get("estimated_hours"), item.given.get("acceptance_criteria")
    if not isinstance(hours, int | float | str | None) or isinstance(hours, bool):
        raise wrong(f"{item.path}.estimated_hours", INVALID)
    return StoryFields(
        title=item.given["title"],
        description=_text(item.path, item.given, "description"),
        acceptance_criteria=UNSET if criteria is None else [_criterion(each) for each in criteria],
        estimated_hours=UNSET if hours is None else hours,
        metadata=_metadata(item.path, item.given),
    )


def initial_statuses(item: StoryItem, *, may_verify: bool) -> Statuses:
    """Raises Invalid for a status that there is not, Forbidden for one that the importer may not give."""
    agent_field, agent = _status(item, "initial_agent_status", "agent_status")
    verified_field, verified = _status(item, "initial_verified_status", "verified_status")
    if agent not in (None, *AGENT_STATUSES):
        raise wrong(agent_field, INVALID)
    if verified not in (None, *VERIFIED, *NOT_VERIFIED):
        raise wrong(verified_field, INVALID)
    if verified in VERIFIED:
        if not may_verify:
            raise Forbidden(
                f"{verified_field}: only a user or an orchestrator that belongs to an agent imports verified stories",
                code="orchestrator_agent_required",
            )
        return Statuses("reported_done", "verified")
    return Statuses("reported_done") if agent == "reported_done" else Statuses()


def marked_as_imported(metadata: JsonText, at: datetime) -> JsonText:
    """Says where a verified story got its status from, as a backfill does."""
    backfill = {"reason": "imported", "source": "pre_loopctl", "backfilled_at": at}
    return JsonText(msgspec.json.encode({**msgspec.json.decode(metadata), "backfill": backfill}).decode())


def fitting(path: str, event: Event) -> Event:
    """Raises Invalid when the texts together are too long for the log."""
    if len(msgspec.json.encode(event)) > LARGEST_DATA:
        raise wrong(path, f"should be at most {LARGEST_DATA} bytes in all")
    return event


def _criterion(item: dict[str, Any]) -> dict[str, Any]:
    """``description`` becomes ``criterion``; everything else stays."""
    described = item.get("description")
    if described is None:
        return item
    others = {name: value for name, value in item.items() if name not in ("criterion", "description")}
    return {"criterion": described, **others}


def _text(path: str, given: Mapping[str, Any], field: str) -> str | UnsetType:
    value = given.get(field)
    if not isinstance(value, str | None):
        raise wrong(f"{path}.{field}", INVALID)
    return UNSET if value is None else value


def _metadata(path: str, given: Mapping[str, Any]) -> JsonText | UnsetType:
    value = given.get("metadata")
    if value is None:
        return UNSET
    if not isinstance(value, dict):
        raise wrong(f"{path}.metadata", NOT_A_MAP)
    return JsonText(msgspec.json.encode(value).decode())


def _status(item: StoryItem, *fields: str) -> tuple[str, Any]:
    """Path and value of the first that is said."""
    for field in fields:
        if (value := item.given.get(field)) is not None:
            return f"{item.path}.{field}", value
    return "", None
