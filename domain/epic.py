"""An epic: a group of stories of a project."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, assert_never
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType, structs

from domain.event import ERASED, Event, Events, JsonText, Recorded
from domain.fields import BLANK, LONGEST_DESCRIPTION, LONGEST_JSON, LONGEST_NAME, LONGEST_TITLE, Problems

LARGEST_NUMBER = 2**31 - 1


class EpicCreated(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "epic.created"
    ERASABLE: ClassVar[Mapping[str, str]] = {"description": ERASED}
    project_id: UUID
    number: int
    title: str
    description: str | None = None
    phase: str | None = None
    position: int = 0
    """Where the epic stands among others. Not its place in the log, which the head of an entry calls position too."""
    metadata: JsonText


class EpicUpdated(Event, frozen=True, kw_only=True):
    """Members that are left out did not change; those that end in ``_was`` are from before."""

    TAG: ClassVar[str] = "epic.updated"
    ERASABLE: ClassVar[Mapping[str, str]] = {"description": ERASED}
    project_id: UUID
    title_was: str
    phase_was: str | None
    position_was: int
    title: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    phase: str | UnsetType | None = UNSET
    position: int | UnsetType = UNSET
    metadata: JsonText | UnsetType = UNSET


class EpicDeleted(Event, frozen=True, kw_only=True):
    """Its stories have events of their own before it; dependencies go with either end."""

    TAG: ClassVar[str] = "epic.deleted"
    project_id: UUID
    number: int
    title: str


class EpicCompleted(Event, frozen=True, kw_only=True):
    """Every story of the epic was verified, for the first time."""

    TAG: ClassVar[str] = "epic.completed"
    project_id: UUID
    number: int
    title: str
    story_count: int


EpicEvent = EpicCreated | EpicUpdated | EpicDeleted | EpicCompleted
EPIC_EVENTS = Events[EpicEvent](EpicEvent)


class Epic(Struct, frozen=True, kw_only=True):
    """An epic as its events leave it; a row of app.epic."""

    epic_id: UUID
    project_id: UUID
    number: int
    title: str
    description: str | None
    phase: str | None
    epic_position: int
    metadata: JsonText
    completed: bool
    """Whether all of its stories were ever verified at once. Stays true when stories are added or rejected later."""
    created_at: datetime
    updated_at: datetime
    position: int


class EpicFields(Struct, frozen=True, kw_only=True):
    """What a client may say of an epic. Left out: not said; None: cleared."""

    title: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    phase: str | UnsetType | None = UNSET
    position: int | UnsetType = UNSET
    metadata: JsonText | UnsetType = UNSET


def create_epic(project_id: UUID, number: int | None, number_taken: bool, fields: EpicFields) -> EpicCreated:
    """Raises Invalid."""
    problems = Problems()
    if problem := _number_problem(number, number_taken):
        problems.add("number", problem)
    checked = _checked(problems, structs.replace(fields, title=fields.title or ""))
    problems.raise_any()
    return EpicCreated(
        project_id=project_id,
        number=number or 0,
        title=checked.title or "",
        description=checked.description or None,
        phase=checked.phase or None,
        position=checked.position or 0,
        metadata=JsonText("{}") if checked.metadata is UNSET else checked.metadata,
    )


def update_epic(epic: Epic, fields: EpicFields) -> tuple[EpicUpdated, ...]:
    """Nothing when nothing changes. Raises Invalid."""
    problems = Problems()
    wanted = structs.asdict(_checked(problems, fields))
    problems.raise_any()
    now = {**structs.asdict(epic), "position": epic.epic_position}
    changed = {name: value for name, value in wanted.items() if value is not UNSET and value != now[name]}
    if not changed:
        return ()
    return (
        EpicUpdated(
            project_id=epic.project_id, title_was=epic.title, phase_was=epic.phase, position_was=epic.epic_position,
            **changed,
        ),
    )  # fmt: skip


def evolve_epic(epic: Epic | None, recorded: Recorded) -> Epic | None:
    """The epic after one more event of its stream; None when it is gone."""
    event = recorded.event
    if not EPIC_EVENTS.has(event):
        return epic
    if isinstance(event, EpicCreated):
        return Epic(
            epic_id=recorded.stream.id, project_id=event.project_id, number=event.number, title=event.title,
            description=event.description, phase=event.phase, epic_position=event.position,
            metadata=event.metadata, completed=False, created_at=recorded.at, updated_at=recorded.at,
            position=recorded.position,
        )  # fmt: skip
    if epic is None:
        return None
    match event:
        case EpicUpdated():
            return structs.replace(epic, **_updated(event), updated_at=recorded.at, position=recorded.position)
        case EpicCompleted():
            return structs.replace(epic, completed=True, position=recorded.position)
        case EpicDeleted():
            return None
        case _:
            assert_never(event)


def _updated(event: EpicUpdated) -> dict[str, Any]:
    said = {"title", "description", "phase", "metadata"}
    changed = {name: value for name in said if (value := getattr(event, name)) is not UNSET}
    if event.position is not UNSET:
        changed["epic_position"] = event.position
    return changed


def _checked(problems: Problems, fields: EpicFields) -> EpicFields:
    texts: dict[str, str | None] = {}
    if fields.title is not UNSET:
        texts["title"] = problems.required("title", fields.title, LONGEST_TITLE)
    if fields.description is not UNSET:
        texts["description"] = problems.optional("description", fields.description, LONGEST_DESCRIPTION)
    if fields.phase is not UNSET:
        texts["phase"] = problems.line("phase", fields.phase, LONGEST_NAME)
    if fields.metadata is not UNSET:
        problems.optional("metadata", fields.metadata, LONGEST_JSON)
    if fields.position is not UNSET and not 0 <= fields.position <= LARGEST_NUMBER:
        problems.add("position", "must be greater than or equal to 0")
    return structs.replace(fields, **texts)


def _number_problem(number: int | None, taken: bool) -> str | None:
    if number is None:
        return BLANK
    if not 0 < number <= LARGEST_NUMBER:
        return "must be greater than 0" if number <= 0 else f"must be less than or equal to {LARGEST_NUMBER}"
    return f"epic {number} already exists in the project; import with merge=true updates it" if taken else None
