"""Imports and exports on the wire (spec 01, sections 5.4 and 5.5)."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from api.http.query import StrictQuery
from api.stories.schemas import said_details
from api.times import wire_time
from api.transfer.examples import EPIC_DEPENDENCIES, EPICS, EXPORT, STORY_DEPENDENCIES
from api.transfer.form import ImportForm, YesNo
from domain.epic import Epic
from domain.importing.payload import Given
from domain.project import Project
from domain.story import Story, StoryText
from eventstore.database.transaction import TenantTx
from projections.queries.exports import epic_edges, epic_pages, story_edges, story_pages

ENCODER = msgspec.json.Encoder()

YES = (True, "true")


class ImportQuery(StrictQuery, frozen=True, kw_only=True):
    """Strict: an import without the guard that was meant would be the damage itself."""

    merge: Annotated[bool, Meta(description="Update what is there by its number instead of refusing it.")] = False
    dry_run: Annotated[bool, Meta(description="Answer as the import would, and write nothing.")] = False
    if_position: (
        Annotated[
            int,
            Meta(ge=0, description="Only if the project has not changed since an export with this position was taken."),
        ]
        | UnsetType
    ) = UNSET


class ImportBody(Struct, frozen=True, kw_only=True):
    """As the JSON Schema at /api/v1/schemas/import says. Any JSON is read here: the domain checks all of it and names
    the place of whatever is wrong."""

    FORM: ClassVar = ImportForm

    epics: Annotated[Any, Meta(description="Epics with their stories, at most 500 and 10,000.", examples=[EPICS])] = (
        None
    )
    story_dependencies: Annotated[
        Any, Meta(description="Which story waits for which, by number.", examples=[STORY_DEPENDENCIES])
    ] = None
    epic_dependencies: Annotated[
        Any, Meta(description="Which epic waits for which, by number.", examples=[EPIC_DEPENDENCIES])
    ] = None
    project: Annotated[Any, Meta(description="Of an export; not imported.", examples=[EXPORT["project"]])] = None
    stories: Annotated[Any, Meta(description="None belong here: they stand in their epics.", examples=[None])] = None
    merge: YesNo | None = None
    dry_run: YesNo | None = None
    if_position: Annotated[int, Meta(ge=0)] | None = None

    def given(self) -> Given:
        return Given(
            epics=self.epics,
            story_dependencies=self.story_dependencies,
            epic_dependencies=self.epic_dependencies,
            project=self.project,
            stories=self.stories,
        )


class Asked(Struct, frozen=True, kw_only=True):
    """How the import is to be done; whatever the query does not say may stand in the body."""

    merge: bool
    dry_run: bool
    if_position: int | None

    @classmethod
    def of(cls, wanted: ImportQuery, body: ImportBody) -> "Asked":
        return cls(
            merge=wanted.merge or body.merge in YES,
            dry_run=wanted.dry_run or body.dry_run in YES,
            if_position=body.if_position if isinstance(wanted.if_position, UnsetType) else wanted.if_position,
        )


class Export(Struct, frozen=True, kw_only=True):
    """Who exports what, when."""

    tenant_id: UUID
    at: datetime
    version: str
    project: Project
    position: int
    """Of the newest entry of the log that it shows."""


async def export_pieces(tx: TenantTx, export: Export) -> AsyncIterator[bytes]:
    """The body, of the snapshot that ``tx`` sees: a page at a time, so that a large project is never whole in memory
    and others have their turn in between."""
    project_id = export.project.project_id
    head = {
        "export_metadata": {
            "exported_at": wire_time(export.at),
            "loopctl_version": export.version,
            "project_id": project_id,
            "tenant_id": export.tenant_id,
            "position": export.position,
        },
        "project": _project(export.project),
    }
    yield ENCODER.encode(head)[:-1] + b',"epics":['
    first = True
    async for epics in epic_pages(tx, project_id):
        for epic in epics:
            yield (b"" if first else b",") + ENCODER.encode(_epic(epic))[:-1] + b',"stories":['
            first, begun = False, False
            async for page in story_pages(tx, epic.epic_id):
                stories = b",".join([ENCODER.encode(exported_story(story, text)) for story, text in page])
                yield (b"," if begun else b"") + stories
                begun = True
            yield b"]}"
    edges = {
        "story_dependencies": [{"story": one, "depends_on": other} for one, other in await story_edges(tx, project_id)],
        "epic_dependencies": [{"epic": one, "depends_on": other} for one, other in await epic_edges(tx, project_id)],
    }
    yield b"]," + ENCODER.encode(edges)[1:]


def _project(project: Project) -> dict[str, Any]:
    return {
        "name": project.name,
        "slug": project.slug,
        "description": project.description,
        "repo_url": project.repo_url,
        "tech_stack": project.tech_stack,
        "status": project.status,
        "mission": project.mission,
        "metadata": msgspec.Raw(project.metadata.encode()),
    }


def _epic(epic: Epic) -> dict[str, Any]:
    return {
        "number": epic.number,
        "title": epic.title,
        "description": epic.description,
        "phase": epic.phase,
        "position": epic.epic_position,
        "metadata": msgspec.Raw(epic.metadata.encode()),
    }


def exported_story(story: Story, text: StoryText) -> dict[str, Any]:
    return {
        "number": story.number,
        "title": story.title,
        "description": text.description,
        "acceptance_criteria": bound_criteria(text),
        "estimated_hours": None if story.estimated_hours is None else msgspec.Raw(story.estimated_hours.encode()),
        "agent_status": story.agent_status,
        "verified_status": story.verified_status,
        "assigned_agent_id": story.assigned_agent_id,
        "assigned_at": wire_time(story.assigned_at),
        "reported_done_at": wire_time(story.reported_done_at),
        "verified_at": wire_time(story.verified_at),
        "rejected_at": wire_time(story.rejected_at),
        "rejection_reason": story.rejection_reason,
        "metadata": msgspec.Raw(text.metadata.encode()),
        **said_details(story, text),
    }


def bound_criteria(text: StoryText) -> Any:
    """The acceptance criteria, each with the verification criterion that it was given last."""
    if text.criteria_checks == "{}":
        return msgspec.Raw(text.acceptance_criteria.encode())
    checks = msgspec.json.decode(text.criteria_checks)
    items = msgspec.json.decode(text.acceptance_criteria)
    for place, item in enumerate(items, 1):
        check = checks.get(str(item.get("id") or f"AC-{place}"), {})
        if "verification_criterion" in check:
            item["verification_criterion"] = msgspec.json.decode(check["verification_criterion"])
    return items
