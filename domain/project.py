"""A project: a codebase whose work is tracked."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Literal, assert_never
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

from domain.errors import Invalid
from domain.event import ERASED, Event, Events, JsonText, Recorded
from domain.fields import LONGEST_DESCRIPTION, LONGEST_JSON, LONGEST_NAME, SLUG, SLUG_FORM, Problems

LONGEST_MISSION = 2000
LONGEST_URL = 2000

Status = Literal["active", "archived"]


class ProjectCreated(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "project.created"
    ERASABLE: ClassVar[Mapping[str, str]] = {"description": ERASED}
    name: str
    slug: str
    status: Literal["active"] = "active"
    repo_url: str | None = None
    description: str | None = None
    tech_stack: str | None = None
    mission: str | None = None
    metadata: JsonText


class ProjectUpdated(Event, frozen=True, kw_only=True):
    """Members that are left out did not change; ``name_was`` and ``status_was`` are from before."""

    TAG: ClassVar[str] = "project.updated"
    ERASABLE: ClassVar[Mapping[str, str]] = {"description": ERASED}
    name_was: str
    status_was: Status
    name: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    repo_url: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    tech_stack: str | UnsetType | None = UNSET
    mission: str | UnsetType | None = UNSET
    metadata: JsonText | UnsetType = UNSET


class ProjectArchived(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "project.archived"
    status_was: Status


class ProjectImported(Event, frozen=True, kw_only=True):
    """Ends an import; the epics, stories and dependencies have events of their own before it."""

    TAG: ClassVar[str] = "project.imported"
    epics_created: int
    stories_created: int
    dependencies_created: int


class ProjectMerged(Event, frozen=True, kw_only=True):
    """Ends an import into what is there already."""

    TAG: ClassVar[str] = "project.merge_imported"
    epics_created: int
    epics_updated: int
    stories_created: int
    stories_updated: int
    dependencies_created: int


ProjectEvent = ProjectCreated | ProjectUpdated | ProjectArchived | ProjectImported | ProjectMerged
PROJECT_EVENTS = Events[ProjectEvent](ProjectEvent)


class Project(Struct, frozen=True, kw_only=True):
    """A project as its events leave it; a row of app.project."""

    project_id: UUID
    slug: str
    name: str
    status: Status
    repo_url: str | None
    description: str | None
    tech_stack: str | None
    mission: str | None
    metadata: JsonText
    created_at: datetime
    updated_at: datetime
    position: int
    """Of the newest event."""


class ProjectFields(Struct, frozen=True, kw_only=True):
    """What a client may say of a project. Left out: not said; None: cleared."""

    name: str | UnsetType = UNSET
    repo_url: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    tech_stack: str | UnsetType | None = UNSET
    mission: str | UnsetType | None = UNSET
    metadata: JsonText | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class CreateProject(Struct, frozen=True, kw_only=True):
    slug: str
    fields: ProjectFields
    most_projects: int


def metadata_as_text(data: dict[str, object]) -> dict[str, object]:
    """The first projects had their metadata as an object, which could not hold fractions."""
    metadata = data["metadata"]
    if isinstance(metadata, str):
        return data
    return {**data, "metadata": msgspec.json.encode(metadata).decode()}


def create_project(slug_taken: bool, active: int, command: CreateProject) -> tuple[ProjectCreated, ...]:
    """Raises Invalid for what is wrong with the fields, a taken slug and one project too many."""
    problems = Problems()
    texts = _checked(problems, structs.replace(command.fields, name=command.fields.name or ""))
    if problem := _slug_problem(command.slug, slug_taken):
        problems.add("slug", problem)
    problems.raise_any()
    if active >= command.most_projects:
        raise Invalid(
            f"Project limit reached for this tenant ({command.most_projects}): archive one, or raise max_projects",
            code="limit_reached",
        )
    metadata = command.fields.metadata
    return (
        ProjectCreated(
            name=texts.name or "",
            slug=command.slug,
            repo_url=texts.repo_url or None,
            description=texts.description or None,
            tech_stack=texts.tech_stack or None,
            mission=texts.mission or None,
            metadata=JsonText("{}") if metadata is UNSET else metadata,
        ),
    )


def update_project(project: Project, fields: ProjectFields) -> tuple[ProjectUpdated, ...]:
    """Nothing when nothing changes. Raises Invalid."""
    problems = Problems()
    wanted = structs.asdict(_checked(problems, fields))
    problems.raise_any()
    changed = {name: value for name, value in wanted.items() if value is not UNSET and value != getattr(project, name)}
    if not changed:
        return ()
    return (ProjectUpdated(name_was=project.name, status_was=project.status, **changed),)


def archive_project(project: Project) -> tuple[ProjectArchived, ...]:
    """Nothing when it is archived already."""
    return () if project.status == "archived" else (ProjectArchived(status_was=project.status),)


def evolve_project(project: Project | None, recorded: Recorded) -> Project | None:
    """The project after one more event of its stream."""
    event = recorded.event
    if not PROJECT_EVENTS.has(event):
        return project
    if isinstance(event, ProjectCreated):
        return Project(
            project_id=recorded.stream.id, slug=event.slug, name=event.name, status=event.status,
            repo_url=event.repo_url, description=event.description, tech_stack=event.tech_stack,
            mission=event.mission, metadata=event.metadata, created_at=recorded.at, updated_at=recorded.at,
            position=recorded.position,
        )  # fmt: skip
    if project is None:
        return None
    match event:
        case ProjectUpdated():
            changed = {
                name: value
                for name, value in structs.asdict(event).items()
                if value is not UNSET and not name.endswith("_was")
            }
            return structs.replace(project, **changed, updated_at=recorded.at, position=recorded.position)
        case ProjectArchived():
            return structs.replace(project, status="archived", updated_at=recorded.at, position=recorded.position)
        case ProjectImported() | ProjectMerged():
            return project
        case _:
            assert_never(event)


def _checked(problems: Problems, fields: ProjectFields) -> ProjectFields:
    lines = {"repo_url": LONGEST_URL, "tech_stack": LONGEST_NAME, "mission": LONGEST_MISSION}
    texts: dict[str, str | UnsetType | None] = {
        name: UNSET if (value := getattr(fields, name)) is UNSET else problems.line(name, value, longest)
        for name, longest in lines.items()
    }
    if fields.description is not UNSET:
        texts["description"] = problems.optional("description", fields.description, LONGEST_DESCRIPTION)
    if fields.metadata is not UNSET:
        problems.optional("metadata", fields.metadata, LONGEST_JSON)
    name = UNSET if fields.name is UNSET else problems.required("name", fields.name, LONGEST_NAME)
    return ProjectFields(name=name, metadata=fields.metadata, status=fields.status, **texts)


def _slug_problem(slug: str, taken: bool) -> str | None:
    if not slug.strip():
        return "can't be blank"
    if not SLUG.fullmatch(slug):
        return f"has invalid format: {SLUG_FORM}"
    return "has already been taken for this tenant" if taken else None
