"""Skills: prompts with a name and versions, of the whole tenant or of one project (spec 02, section 7)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar, Literal, assert_never
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType, structs

from domain.event import ERASED, Event, Events, JsonText, Recorded
from domain.fields import BLANK, LONGEST_DESCRIPTION, LONGEST_JSON, LONGEST_NAME, Problems

LONGEST_PROMPT = LONGEST_DESCRIPTION
LONGEST_SUMMARY = 2000
"""Characters of a skill's description, and of a changelog."""
FIRST = 1

SkillStatus = Literal["active", "archived"]


class SkillCreated(Event, frozen=True, kw_only=True):
    """Its first version has an event of its own, right after."""

    TAG: ClassVar[str] = "skill.created"
    name: str
    description: str | None = None
    project_id: UUID | None = None
    metadata: JsonText = JsonText("{}")


class SkillUpdated(Event, frozen=True, kw_only=True):
    """Members that are left out did not change; those that end in ``_was`` are from before."""

    TAG: ClassVar[str] = "skill.updated"
    project_id: UUID | None = None
    description_was: str | None
    status_was: SkillStatus
    description: str | UnsetType | None = UNSET
    status: SkillStatus | UnsetType = UNSET
    metadata: JsonText | UnsetType = UNSET


class SkillVersionCreated(Event, frozen=True, kw_only=True):
    """The newest from then on. ``attributed_to`` is who wrote it, as the client says."""

    TAG: ClassVar[str] = "skill_version.created"
    ERASABLE: ClassVar[Mapping[str, str]] = {"prompt_text": ERASED}
    skill_id: UUID
    project_id: UUID | None = None
    name: str
    """Of the skill, for good."""
    version: int
    prompt_text: str
    changelog: str | None = None
    attributed_to: str | None = None
    metadata: JsonText = JsonText("{}")


SkillEvent = SkillCreated | SkillUpdated
SKILL_EVENTS = Events[SkillEvent](SkillEvent)
SkillVersionEvent = SkillVersionCreated
SKILL_VERSION_EVENTS = Events[SkillVersionEvent](SkillVersionEvent)


class Skill(Struct, frozen=True, kw_only=True):
    """A skill as its events leave it; a row of app.skill. Which version is its newest, the versions say."""

    skill_id: UUID
    project_id: UUID | None
    name: str
    description: str | None
    status: SkillStatus
    metadata: JsonText
    created_at: datetime
    updated_at: datetime
    position: int


class SkillVersion(Struct, frozen=True, kw_only=True):
    """A row of app.skill_version. Nothing changes it, but the erasure of its text."""

    version_id: UUID
    skill_id: UUID
    version: int
    prompt_text: str
    sha256: str
    """Of the text, in hexadecimal."""
    changelog: str | None
    created_by: str
    """The label of the key that has recorded it."""
    attributed_to: str | None
    metadata: JsonText
    created_at: datetime
    position: int


class Newest(Struct, frozen=True):
    """Which version of a skill is its newest; ``content`` is the digest of its text without the blanks around."""

    skill_id: UUID
    version: int
    content: str
    at: datetime


class SkillFields(Struct, frozen=True, kw_only=True):
    """What a client may say of a skill besides its name and its text."""

    description: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    metadata: JsonText | UnsetType = UNSET


class NewVersion(Struct, frozen=True, kw_only=True):
    """As the client says it."""

    prompt_text: str
    changelog: str | None = None
    attributed_to: str | None = None
    metadata: JsonText = JsonText("{}")


class NewSkill(Struct, frozen=True, kw_only=True):
    """``project_is_there`` is false for a project that is not the tenant's."""

    name: str
    prompt_text: str
    description: str | None = None
    project_id: UUID | None = None
    project_is_there: bool = True
    metadata: JsonText = JsonText("{}")


def content(prompt_text: str) -> str:
    """By which two texts are the same: blanks around them are no difference."""
    return sha256(prompt_text.strip().encode()).hexdigest()


def create_skill(wish: NewSkill, skill_id: UUID, taken: Newest | None) -> tuple[SkillCreated, SkillVersionCreated]:
    """Raises Invalid."""
    problems = Problems()
    created = checked_skill(problems, wish)
    if taken is not None:
        problems.add("name", "has already been taken; POST /api/v1/skills/:id/versions adds a version")
    problems.raise_any()
    return created, first_version(wish, skill_id)


def checked_skill(problems: Problems, wish: NewSkill) -> SkillCreated:
    """With the problems of its first version."""
    name = problems.required("name", wish.name, LONGEST_NAME)
    description = problems.optional("description", wish.description, LONGEST_SUMMARY)
    problems.optional("metadata", wish.metadata, LONGEST_JSON)
    check_prompt(problems, wish.prompt_text)
    if not wish.project_is_there:
        problems.add("project_id", "does not exist")
    return SkillCreated(name=name, description=description, project_id=wish.project_id, metadata=wish.metadata)


def first_version(wish: NewSkill, skill_id: UUID) -> SkillVersionCreated:
    return SkillVersionCreated(
        skill_id=skill_id, project_id=wish.project_id, name=wish.name.strip(), version=FIRST,
        prompt_text=wish.prompt_text,
    )  # fmt: skip


def add_version(skill: Skill, newest: Newest, wish: NewVersion) -> SkillVersionCreated:
    """Raises Invalid. An archived skill takes versions as well."""
    problems = Problems()
    check_prompt(problems, wish.prompt_text)
    changelog = problems.optional("changelog", wish.changelog, LONGEST_SUMMARY)
    attributed_to = problems.line("created_by", wish.attributed_to, LONGEST_NAME)
    problems.optional("metadata", wish.metadata, LONGEST_JSON)
    problems.raise_any()
    return SkillVersionCreated(
        skill_id=skill.skill_id, project_id=skill.project_id, name=skill.name, version=newest.version + 1,
        prompt_text=wish.prompt_text, changelog=changelog, attributed_to=attributed_to, metadata=wish.metadata,
    )  # fmt: skip


def update_skill(skill: Skill, fields: SkillFields) -> tuple[SkillUpdated, ...]:
    """Nothing when nothing changes. Raises Invalid."""
    problems = Problems()
    given: dict[str, Any] = {"metadata": fields.metadata, "status": fields.status}
    if fields.description is not UNSET:
        given["description"] = problems.optional("description", fields.description, LONGEST_SUMMARY)
    if fields.status is not UNSET:
        problems.one_of("status", fields.status, ("active", "archived"))
    if fields.metadata is not UNSET:
        problems.optional("metadata", fields.metadata, LONGEST_JSON)
    problems.raise_any()
    changed = {name: value for name, value in given.items() if value is not UNSET and value != getattr(skill, name)}
    if not changed:
        return ()
    was = SkillUpdated(project_id=skill.project_id, description_was=skill.description, status_was=skill.status)
    return (structs.replace(was, **changed),)


def check_prompt(problems: Problems, prompt_text: str) -> None:
    if not prompt_text.strip():
        problems.add("prompt_text", BLANK)
    elif len(prompt_text) > LONGEST_PROMPT:
        problems.add("prompt_text", f"should be at most {LONGEST_PROMPT} character(s)")


def evolve_skill(skill: Skill | None, recorded: Recorded) -> Skill | None:
    event = recorded.event
    if not SKILL_EVENTS.has(event):
        return skill
    match event:
        case SkillCreated():
            return Skill(
                skill_id=recorded.stream.id, project_id=event.project_id, name=event.name,
                description=event.description, status="active", metadata=event.metadata, created_at=recorded.at,
                updated_at=recorded.at, position=recorded.position,
            )  # fmt: skip
        case SkillUpdated():
            if skill is None:
                return None
            names: Sequence[str] = ("description", "status", "metadata")
            changed: dict[str, Any] = {name: each for name in names if (each := getattr(event, name)) is not UNSET}
            return structs.replace(skill, **changed, updated_at=recorded.at, position=recorded.position)
        case _:
            assert_never(event)


def evolve_skill_version(version: SkillVersion | None, recorded: Recorded) -> SkillVersion | None:
    event = recorded.event
    if not SKILL_VERSION_EVENTS.has(event):
        return version
    match event:
        case SkillVersionCreated():
            return SkillVersion(
                version_id=recorded.stream.id, skill_id=event.skill_id, version=event.version,
                prompt_text=event.prompt_text, sha256=sha256(event.prompt_text.encode()).hexdigest(),
                changelog=event.changelog, created_by=(*recorded.actor, "")[1] or recorded.actor[0],
                attributed_to=event.attributed_to, metadata=event.metadata, created_at=recorded.at,
                position=recorded.position,
            )  # fmt: skip
        case _:
            assert_never(event)
