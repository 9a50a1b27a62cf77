"""Imports and exports on the wire (spec 01, sections 5.4 and 5.5)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from api.times import wire_time
from api.transfer.examples import EPIC_DEPENDENCIES, EPICS, STORY_DEPENDENCIES
from domain.epic import Epic
from domain.importing.payload import Given
from domain.project import Project
from domain.story import Story, StoryText
from projections.queries.exports import Exported


class ImportQuery(Struct, frozen=True, kw_only=True):
    merge: Annotated[bool, Meta(description="Update what is there by its number instead of refusing it.")] = False


class ImportBody(Struct, frozen=True, kw_only=True):
    """Any JSON is read here: the domain checks it step by step and names the place of what is wrong."""

    epics: Annotated[Any, Meta(description="Epics with their stories, at most 500 and 10,000.", examples=[EPICS])] = (
        None
    )
    story_dependencies: Annotated[
        Any, Meta(description="Which story waits for which, by number.", examples=[STORY_DEPENDENCIES])
    ] = None
    epic_dependencies: Annotated[
        Any, Meta(description="Which epic waits for which, by number.", examples=[EPIC_DEPENDENCIES])
    ] = None
    merge: Annotated[Any, Meta(description="The same as the query parameter.", examples=[True])] = None

    @property
    def merges(self) -> bool:
        return self.merge in (True, "true")

    def given(self) -> Given:
        return Given(
            epics=self.epics, story_dependencies=self.story_dependencies, epic_dependencies=self.epic_dependencies
        )


class Export(Struct, frozen=True, kw_only=True):
    """Who exports what, when."""

    tenant_id: UUID
    at: datetime
    version: str
    found: Exported


def export_body(export: Export) -> dict[str, Any]:
    found = export.found
    stories: dict[UUID, list[dict[str, Any]]] = {epic.epic_id: [] for epic in found.epics}
    for story, text in found.stories:
        stories[story.epic_id].append(_story(story, text))
    return {
        "export_metadata": {
            "exported_at": wire_time(export.at),
            "loopctl_version": export.version,
            "project_id": found.project.project_id,
            "tenant_id": export.tenant_id,
        },
        "project": _project(found.project),
        "epics": [_epic(epic, stories[epic.epic_id]) for epic in found.epics],
        "story_dependencies": [{"story": one, "depends_on": other} for one, other in found.story_edges],
        "epic_dependencies": [{"epic": one, "depends_on": other} for one, other in found.epic_edges],
    }


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


def _epic(epic: Epic, stories: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "number": epic.number,
        "title": epic.title,
        "description": epic.description,
        "phase": epic.phase,
        "position": epic.epic_position,
        "metadata": msgspec.Raw(epic.metadata.encode()),
        "stories": stories,
    }


def _story(story: Story, text: StoryText) -> dict[str, Any]:
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
