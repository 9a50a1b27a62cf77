"""What an import says of one epic or one story, as the domain's own fields."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from domain.epic import EpicFields
from domain.errors import Forbidden
from domain.event import LARGEST_DATA, Event, JsonText
from domain.fields import must_be, must_be_one_of
from domain.importing.findings import Findings
from domain.importing.payload import NOT_A_MAP, EpicItem, StoryItem
from domain.story import PROVENANCE, AgentStatus, VerifiedStatus
from domain.story_details import DETAILS
from domain.story_fields import StoryFields

AGENT_STATUSES = ("pending", "contracted", "assigned", "implementing", "reported_done")
VERIFIED = ("pass", "verified")
NOT_VERIFIED = ("fail", "unverified", "rejected")
AGENT_FIELDS = ("initial_agent_status", "agent_status")
VERIFIED_FIELDS = ("initial_verified_status", "verified_status")


class Statuses(Struct, frozen=True):
    """What a story comes in with."""

    agent: AgentStatus = "pending"
    verified: VerifiedStatus = "unverified"


def epic_fields(found: Findings, item: EpicItem) -> EpicFields:
    """Null is not said; what is of another type is one of the findings."""
    position = item.given.get("position")
    if not isinstance(position, int | None) or isinstance(position, bool):
        found.wrong(f"{item.path}.position", must_be("an integer"))
        position = None
    return EpicFields(
        title=_text(found, item, "title"),
        description=_text(found, item, "description"),
        phase=_text(found, item, "phase"),
        position=UNSET if position is None else position,
        metadata=_metadata(found, item),
    )


def story_fields(found: Findings, item: StoryItem) -> StoryFields:
    """Null is not said; what is of another type is one of the findings."""
    hours, criteria = item.given.get("estimated_hours"), item.given.get("acceptance_criteria")
    if not isinstance(hours, int | float | str | None) or isinstance(hours, bool):
        found.wrong(f"{item.path}.estimated_hours", must_be("a number of hours"))
        hours = None
    known = [_criterion(each) for each in criteria] if isinstance(criteria, list) else UNSET
    return StoryFields(
        title=_text(found, item, "title"),
        description=_text(found, item, "description"),
        acceptance_criteria=known,
        estimated_hours=UNSET if hours is None else hours,
        metadata=_without_provenance(_metadata(found, item)),
        **{name: value for name in (*DETAILS, "parent") if (value := item.given.get(name)) is not None},
    )


def check_statuses(found: Findings, item: StoryItem) -> None:
    """A status that there is not is one of the findings, whether or not this import may set it."""
    for fields, known in ((AGENT_FIELDS, AGENT_STATUSES), (VERIFIED_FIELDS, (*VERIFIED, *NOT_VERIFIED))):
        for field in fields:
            if (value := item.given.get(field)) is not None and value not in known:
                found.wrong(f"{item.path}.{field}", must_be_one_of(known))


def initial_statuses(item: StoryItem, *, may_verify: bool) -> Statuses:
    """Raises Forbidden for one that the importer may not give."""
    agent, verified = _status(item, AGENT_FIELDS), _status(item, VERIFIED_FIELDS)
    if not may_verify and (verified in VERIFIED or agent == "reported_done"):
        raise Forbidden(
            "stories come in as done by a user of the tenant, or by an orchestrator whose agent is of type "
            "orchestrator; leave the status out, or use another key",
            code="orchestrator_agent_required",
        )
    if verified in VERIFIED:
        return Statuses("reported_done", "verified")
    return Statuses("reported_done") if agent == "reported_done" else Statuses()


def marked_as_imported(metadata: JsonText, at: datetime) -> JsonText:
    """Says where a verified story got its status from, as a backfill does."""
    provenance = {"reason": "imported", "source": "pre_loopctl", "backfilled_at": at}
    return JsonText(msgspec.json.encode({**msgspec.json.decode(metadata), PROVENANCE: provenance}).decode())


def _without_provenance(metadata: JsonText | UnsetType) -> JsonText | UnsetType:
    """An export has it, and an import says it anew where it is so."""
    said = {} if metadata is UNSET else msgspec.json.decode(metadata)
    if said.pop(PROVENANCE, UNSET) is UNSET:
        return metadata
    return JsonText(msgspec.json.encode(said).decode())


def check_fits(found: Findings, path: str, event: Event) -> None:
    """Texts that are together too long for the log are one of the findings."""
    if len(msgspec.json.encode(event)) > LARGEST_DATA:
        found.wrong(path, f"should be at most {LARGEST_DATA} bytes in all")


def _criterion(item: Any) -> dict[str, Any]:
    """``description`` becomes ``criterion``; everything else stays. What is no map was found wrong before."""
    described = item.get("description") if isinstance(item, dict) else None
    if described is None:
        return item if isinstance(item, dict) else {}
    others = {name: value for name, value in item.items() if name not in ("criterion", "description")}
    return {"criterion": described, **others}


def _text(found: Findings, item: EpicItem | StoryItem, field: str) -> str | UnsetType:
    value = item.given.get(field)
    if not isinstance(value, str | None):
        found.wrong(f"{item.path}.{field}", must_be("a text"))
        return UNSET
    return UNSET if value is None else value


def _metadata(found: Findings, item: EpicItem | StoryItem) -> JsonText | UnsetType:
    value = item.given.get("metadata")
    if not isinstance(value, dict | None):
        found.wrong(f"{item.path}.metadata", NOT_A_MAP)
        return UNSET
    return UNSET if value is None else JsonText(msgspec.json.encode(value).decode())


def status_path(item: StoryItem) -> str:
    """Of what says how far the story is."""
    said = (field for field in (*VERIFIED_FIELDS, *AGENT_FIELDS) if item.given.get(field) is not None)
    return f"{item.path}.{next(said, '')}"


def _status(item: StoryItem, fields: Sequence[str]) -> Any:
    """The first that is said."""
    return next((value for field in fields if (value := item.given.get(field)) is not None), None)
