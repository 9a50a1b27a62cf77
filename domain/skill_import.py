"""Several skills at once: those that are not there come in, those whose text is another get a version, and the rest
stays. Said twice, it is done once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from domain.event import Event, Events
from domain.fields import Problems
from domain.skill import (
    Newest,
    NewSkill,
    SkillCreated,
    SkillVersionCreated,
    check_prompt,
    checked_skill,
    content,
    first_version,
)

MOST_SKILLS = 100
"""In one import."""
CHANGELOG = "Imported update"


class SkillsImported(Event, frozen=True, kw_only=True):
    """What an import has changed, after the events of it. One that changes nothing has none."""

    TAG: ClassVar[str] = "skill_import.completed"
    total: int
    created: int
    updated: int
    unchanged: int


SkillImportEvent = SkillsImported
SKILL_IMPORT_EVENTS = Events[SkillImportEvent](SkillImportEvent)

Name = tuple[UUID | None, str]
"""Of a skill: its project, None for the whole tenant, and what it is called."""


class Imported(Struct, frozen=True):
    """``created`` by the ids of the new skills; ``versions`` by the ids of versions."""

    created: Mapping[UUID, SkillCreated]
    versions: Mapping[UUID, SkillVersionCreated]
    outcome: SkillsImported


def name_of(wish: NewSkill) -> Name:
    return wish.project_id, wish.name.strip()


def import_skills(
    wishes: Sequence[NewSkill], known: Mapping[Name, Newest | None], ids: Sequence[tuple[UUID, UUID]], at: datetime
) -> Imported:
    """``ids`` are for the skill and the version of each. A name that comes twice meets what the first has made. All or
    nothing: raises Invalid with every problem, named `skills[0].name`."""
    found = Problems()
    created: dict[UUID, SkillCreated] = {}
    versions: dict[UUID, SkillVersionCreated] = {}
    now, updated = dict(known), 0
    for place, (wish, (skill_id, version_id)) in enumerate(zip(wishes, ids, strict=True)):
        problems, before = Problems(), now.get(name_of(wish))
        if before is None:
            created[skill_id] = checked_skill(problems, wish)
            version = first_version(wish, skill_id)
        else:
            check_prompt(problems, wish.prompt_text)
            version = _next(wish, before)
        for field, problem in problems.found.items():
            found.add(f"skills[{place}].{field}", problem)
        new = content(wish.prompt_text)
        if before is None or before.content != new:
            versions[version_id] = version
            updated += before is not None
            now[name_of(wish)] = Newest(version.skill_id, version.version, new, at)
    found.raise_any()
    unchanged = len(wishes) - len(created) - updated
    outcome = SkillsImported(total=len(wishes), created=len(created), updated=updated, unchanged=unchanged)
    return Imported(created, versions, outcome)


def _next(wish: NewSkill, before: Newest) -> SkillVersionCreated:
    return SkillVersionCreated(
        skill_id=before.skill_id, project_id=wish.project_id, name=wish.name.strip(), version=before.version + 1,
        prompt_text=wish.prompt_text, changelog=CHANGELOG,
    )  # fmt: skip
