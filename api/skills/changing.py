"""What changes skills, each an event."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Response
from msgspec import structs

from api.commands import carry_out, origin
from api.http.asking import Asking
from api.services import Services
from api.skills.schemas import (
    ImportedSkillBody,
    ImportSkillsBody,
    SkillResultBody,
    SkillVersionBody,
    result_body,
    skill_body,
    version_body,
)
from domain.event import Recorded, Stream
from domain.skill import SkillFields, add_version, create_skill, update_skill
from domain.skill_import import Imported, SkillsImported, import_skills, name_of
from domain.skill_result import ResultFacts, record_result, result_id
from eventstore.log.command import Change, Command, Known, existing
from projections.rows.projects import PROJECTS
from projections.rows.skill_results import SKILL_RESULTS, VERIFIED_STORY
from projections.rows.skills import NAMED_SKILL, NEWEST_VERSION, SKILL_VERSIONS, SKILLS, ShownSkill
from projections.rows.stories import STORIES

CREATED = 201


async def create(services: Services, asking: Asking, data: ImportedSkillBody) -> Response[bytes]:
    skill, version = Stream("skill", services.new_id()), Stream("skill_version", services.new_id())
    wish = data.wish()
    need, of_version, taken = SKILLS.need(skill.id), SKILL_VERSIONS.need(version.id), NAMED_SKILL.need(name_of(wish))
    project = PROJECTS.need(wish.project_id) if wish.project_id else None

    def decide(known: Known) -> Sequence[Change]:
        there = project is None or known[project] is not None
        created, first = create_skill(structs.replace(wish, project_is_there=there), skill.id, known[taken])
        return [Change(skill, created), Change(version, first)]

    def answer(known: Known, _: Sequence[Recorded]) -> Any:
        first = existing(known, of_version)
        shown = ShownSkill(existing(known, need), first.version, first.created_at)
        return {"skill": skill_body(shown), "version": version_body(first)}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, streams=(skill, version), status=CREATED,
        needs=(need, of_version, taken, *([project] if project else ())),
    )  # fmt: skip
    return await carry_out(services, asking, command)


async def version(services: Services, asking: Asking, skill_id: UUID, data: SkillVersionBody) -> Response[bytes]:
    stream, need, newest = (
        Stream("skill_version", services.new_id()),
        SKILLS.need(skill_id),
        NEWEST_VERSION.need(skill_id),
    )
    made = SKILL_VERSIONS.need(stream.id)

    def decide(known: Known) -> Sequence[Change]:
        skill = existing(known, need)
        return [Change(stream, add_version(skill, existing(known, newest), data.wish()))]

    def answer(known: Known, _: Sequence[Recorded]) -> Any:
        added = existing(known, made)
        shown = ShownSkill(existing(known, need), added.version, added.created_at)
        return {"skill": skill_body(shown), "version": version_body(added)}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=(need, newest, made), streams=(stream,),
        status=CREATED,
    )  # fmt: skip
    return await carry_out(services, asking, command)


async def change(services: Services, asking: Asking, skill_id: UUID, fields: SkillFields) -> Response[bytes]:
    stream, need, newest = Stream("skill", skill_id), SKILLS.need(skill_id), NEWEST_VERSION.need(skill_id)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, event) for event in update_skill(existing(known, need), fields)]

    def answer(known: Known, _: Sequence[Recorded]) -> Any:
        skill, last = existing(known, need), existing(known, newest)
        return {"skill": skill_body(ShownSkill(skill, last.version, max(skill.updated_at, last.at)))}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=(need, newest), streams=(stream,)
    )
    return await carry_out(services, asking, command)


async def bring_in(services: Services, asking: Asking, data: ImportSkillsBody) -> Response[bytes]:
    wishes = [each.wish(data.project_id) for each in data.skills]
    ids = [(services.new_id(), services.new_id()) for _ in wishes]
    names = {name_of(wish): NAMED_SKILL.need(name_of(wish)) for wish in wishes}
    projects = {wish.project_id: PROJECTS.need(wish.project_id) for wish in wishes if wish.project_id}
    whole = Stream("skill_import", services.new_id())
    outcome: list[SkillsImported] = []
    at = services.utc_now()

    def decide(known: Known) -> Sequence[Change]:
        there = {project for project, need in projects.items() if known[need] is not None}
        checked = [
            structs.replace(wish, project_is_there=wish.project_id is None or wish.project_id in there)
            for wish in wishes
        ]
        imported = import_skills(checked, {name: known[need] for name, need in names.items()}, ids, at)
        outcome[:] = [imported.outcome]
        return _changes(imported, whole)

    command = Command(
        origin=origin(services, asking), decide=decide, answer=lambda *_: structs.asdict(outcome[0]),
        needs=(*names.values(), *projects.values()), streams=(), alone=True,
    )  # fmt: skip
    return await carry_out(services, asking, command)


async def record(services: Services, asking: Asking, data: SkillResultBody) -> Response[bytes]:
    wish = data.wish()
    stream = Stream("skill_result", result_id(wish.skill_version_id, wish.verification_result_id))
    need, of_version = SKILL_RESULTS.need(stream.id), SKILL_VERSIONS.need(wish.skill_version_id)
    verified, story = VERIFIED_STORY.need(wish.verification_result_id), STORIES.need(wish.story_id)

    def decide(known: Known) -> Sequence[Change]:
        used, about = known[of_version], known[story]
        facts = ResultFacts(
            skill_id=used.skill_id if used else None, project_id=about.project_id if about else None,
            verified_story_id=known[verified], recorded=known[need],
        )  # fmt: skip
        return [Change(stream, event) for event in record_result(wish, facts)]

    def answer(known: Known, _: Sequence[Recorded]) -> Any:
        return {"skill_result": result_body(existing(known, need))}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=(need, of_version, verified, story),
        streams=(stream,), status=CREATED,
    )  # fmt: skip
    return await carry_out(services, asking, command)


def _changes(imported: Imported, whole: Stream) -> Sequence[Change]:
    """Nothing when nothing was imported."""
    if not imported.versions:
        return ()
    made = [Change(Stream("skill", id_), event) for id_, event in imported.created.items()]
    versions = [Change(Stream("skill_version", id_), event) for id_, event in imported.versions.items()]
    return [*made, *versions, Change(whole, imported.outcome)]
