"""Epics on the wire (spec 01, sections 2.7 and 2.12)."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from api.pages import PageQuery
from api.projects.schemas import Metadata, Text, as_text
from api.times import wire_time
from domain.epic import Epic, EpicFields
from projections.rows.epic_progress import AGENT_STATUSES, VERIFIED_STATUSES, Progress, percentage

Digits = Annotated[str, Meta(pattern=r"^\s*[0-9]{0,10}\s*$")]


class UpdateEpicBody(Struct, frozen=True, kw_only=True):
    """Null is not said; "" clears a text; what is not listed is ignored, the number too."""

    title: Text | None = None
    description: Text | None = None
    phase: Text | None = None
    position: int | None = None
    metadata: Metadata | None = None

    def fields(self) -> EpicFields:
        said = {
            name: value
            for name in ("title", "description", "phase", "position")
            if (value := getattr(self, name)) is not None
        }
        return EpicFields(**said, metadata=UNSET if self.metadata is None else as_text(self.metadata))


class CreateEpicBody(UpdateEpicBody, frozen=True, kw_only=True):
    number: int | Digits | None = None
    """Digits in a string are taken as well."""


class EpicsQuery(PageQuery, frozen=True, kw_only=True):
    phase: Annotated[str, Meta(description="Only epics of exactly this phase.")] | UnsetType = UNSET


class ProgressQuery(Struct, frozen=True, kw_only=True):
    include_cost: Annotated[bool, Meta(description="With what it has cost, and its budget.")] = False


def whole_number(given: int | str | None) -> int | None:
    """What a client says as a number or in digits; None for nothing."""
    return int(given) if isinstance(given, int) or (given and given.strip()) else None


def epic_body(tenant_id: UUID, epic: Epic) -> dict[str, Any]:
    return {
        "id": epic.epic_id,
        "tenant_id": tenant_id,
        "project_id": epic.project_id,
        "number": epic.number,
        "title": epic.title,
        "description": epic.description,
        "phase": epic.phase,
        "position": epic.epic_position,
        "metadata": msgspec.Raw(epic.metadata.encode()),
        "inserted_at": wire_time(epic.created_at),
        "updated_at": wire_time(epic.updated_at),
    }


def line_bodies(lines: Sequence[Any]) -> list[dict[str, Any]]:
    """Stories of an epic in a few words."""
    return [
        {
            "id": line["story_id"],
            "number": line["number"],
            "title": line["title"],
            "agent_status": line["agent_status"],
            "verified_status": line["verified_status"],
        }
        for line in lines
    ]


def epic_progress_body(progress: Progress) -> dict[str, Any]:
    return {
        "total_stories": progress.stories,
        "stories_by_agent_status": {status: progress.count(status) for status in AGENT_STATUSES},
        "stories_by_verified_status": {status: progress.count(status) for status in VERIFIED_STATUSES},
        "verification_percentage": percentage(progress.verified, progress.stories),
    }


def project_progress_body(progress: Progress) -> dict[str, Any]:
    return {
        **epic_progress_body(progress),
        "total_epics": progress.epics,
        "epics_completed": progress.epics_completed,
        "estimated_hours_total": _number(progress.hours),
        "estimated_hours_completed": _number(progress.hours_done),
    }


def _number(value: Decimal) -> msgspec.Raw:
    """Exactly the decimal that is kept, as a number of JSON; with a point, so that it reads as one with fractions."""
    text = f"{value.normalize():f}"
    return msgspec.Raw((text if "." in text else f"{text}.0").encode())
