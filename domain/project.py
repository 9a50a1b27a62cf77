"""A project: a codebase whose work is tracked."""

import re
from typing import Any, ClassVar, Literal
from uuid import UUID

from msgspec import Struct

from domain.errors import Invalid
from domain.event import Event

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])")


class ProjectCreated(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "project.created"
    name: str
    slug: str
    status: Literal["active"] = "active"
    repo_url: str | None = None
    description: str | None = None
    tech_stack: str | None = None
    mission: str | None = None
    metadata: dict[str, Any]


class CreateProject(Struct, frozen=True, kw_only=True):
    project_id: UUID
    name: str
    slug: str
    repo_url: str | None
    description: str | None
    tech_stack: str | None
    mission: str | None
    metadata: dict[str, Any]
    most_projects: int


def create_project(slug_taken: bool, active: int, command: CreateProject) -> tuple[ProjectCreated, ...]:
    """Raises Invalid for what is wrong with the fields, a taken slug and one project too many."""
    details = {
        field: text
        for field, text in {
            "name": "can't be blank" if not command.name.strip() else None,
            "slug": _slug_problem(command.slug, slug_taken),
            "mission": "should be at most 2000 character(s)" if len((command.mission or "").strip()) > 2000 else None,
        }.items()
        if text
    }
    if details:
        raise Invalid(**details)
    if active >= command.most_projects:
        raise Invalid("Project limit reached for this tenant", code="limit_reached")
    return (
        ProjectCreated(
            name=command.name.strip(),
            slug=command.slug,
            repo_url=command.repo_url or None,
            description=command.description or None,
            tech_stack=command.tech_stack or None,
            mission=(command.mission or "").strip() or None,
            metadata=command.metadata,
        ),
    )


def _slug_problem(slug: str, taken: bool) -> str | None:
    if not slug.strip():
        return "can't be blank"
    if not SLUG.fullmatch(slug):
        return "has invalid format"
    return "has already been taken for this tenant" if taken else None
