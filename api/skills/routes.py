"""Skills: /api/v1/skills, and the results of their versions."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.documentation.responses import answers
from api.http.asking import Asker
from api.pages import page_of
from api.paths import SkillPath
from api.projects.examples import META
from api.services import Provided
from api.skills import changing
from api.skills.examples import COUNTERS, RESULT, SKILL, VERSION
from api.skills.schemas import (
    CreateSkillBody,
    ImportSkillsBody,
    SkillResultBody,
    SkillsQuery,
    UpdateSkillBody,
    skill_body,
)
from domain.errors import NotFound
from domain.skill import SkillFields
from projections.rows.skills import find_skill, find_versions, list_skills

TAGS = ["Skills"]
RETRYABLE = ("idempotency_key_reused",)
CHANGING: dict[str, Any] = {
    "opt": {"access": "user+", "errors": RETRYABLE},
    "tags": TAGS,
    "description": "Description, status and metadata; what is left out stays. An archived skill can be made active.",
    "responses": answers(200, "The skill", {"skill": SKILL}),
}


@post(
    "/api/v1/skills",
    opt={"access": "user+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Create a skill",
    description="With its first version. Names are unique in a project, and among the skills of the whole tenant.",
    status_code=201,
    responses=answers(201, "The skill and its version", {"skill": SKILL, "version": VERSION}),
)
async def create_skill_of_tenant(services: Provided, asking: Asker, data: JSONBody[CreateSkillBody]) -> Response[bytes]:
    return await changing.create(services, asking, data)


@get(
    "/api/v1/skills",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List skills",
    description="By name, archived ones among them unless status says otherwise.",
    responses=answers(200, "A page of skills", {"data": [SKILL], "meta": META}),
)
async def list_skills_of_tenant(
    services: Provided, asking: Asker, wanted: NamedDependency[SkillsQuery]
) -> dict[str, Any]:
    page = page_of(wanted)
    async with services.reading(asking.caller.tenant_id) as tx:
        found, total = await list_skills(tx, wanted.wanted(), page.limit, page.offset)
    return page.answer([skill_body(each) for each in found], total)


@post(
    "/api/v1/skills/import",
    opt={"access": "user+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Import skills",
    description="By project and name: what is not there comes in, another text is a new version, the same text is "
    "nothing. All or nothing.",
    status_code=200,
    responses=answers(200, "How many", COUNTERS),
)
async def import_skills_of_tenant(
    services: Provided, asking: Asker, data: JSONBody[ImportSkillsBody]
) -> Response[bytes]:
    return await changing.bring_in(services, asking, data)


@get(
    "/api/v1/skills/{skill_id:uuid}",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show a skill",
    responses=answers(
        200, "The skill and the text of its newest version",
        {"skill": SKILL, "current_prompt": VERSION["prompt_text"]},
    ),
)  # fmt: skip
async def show_skill(services: Provided, asking: Asker, skill_id: SkillPath) -> dict[str, Any]:
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await find_skill(tx, skill_id)
        newest = await find_versions(tx, skill_id, found.newest_version) if found else {}
    if found is None:
        raise NotFound("Not found")
    return {"skill": skill_body(found), "current_prompt": newest[found.newest_version].prompt_text}


@patch("/api/v1/skills/{skill_id:uuid}", summary="Change a skill", **CHANGING)
async def update_skill_of_tenant(
    services: Provided, asking: Asker, skill_id: SkillPath, data: JSONBody[UpdateSkillBody]
) -> Response[bytes]:
    return await changing.change(services, asking, skill_id, data.fields())


@put("/api/v1/skills/{skill_id:uuid}", summary="Change a skill (as PATCH)", **CHANGING)
async def replace_skill_of_tenant(
    services: Provided, asking: Asker, skill_id: SkillPath, data: JSONBody[UpdateSkillBody]
) -> Response[bytes]:
    return await changing.change(services, asking, skill_id, data.fields())


@delete(
    "/api/v1/skills/{skill_id:uuid}",
    opt={"access": "user+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Archive a skill",
    description="It stays, with its versions and results; PATCH with status active brings it back.",
    status_code=200,
    responses=answers(200, "The skill", {"skill": {**SKILL, "status": "archived"}}),
)
async def archive_skill(services: Provided, asking: Asker, skill_id: SkillPath) -> Response[bytes]:
    return await changing.change(services, asking, skill_id, SkillFields(status="archived"))


@post(
    "/api/v1/skill_results",
    opt={"access": "=orchestrator,superadmin", "errors": ("conflict", *RETRYABLE)},
    tags=TAGS,
    summary="Record what became of work that a skill was used for",
    description="One result for each version and verification; the same again is nothing new. Of the metrics, "
    "findings_count, false_positive_count and iteration are counted with where they are numbers.",
    status_code=201,
    responses=answers(201, "The result", {"skill_result": RESULT}),
)
async def record_skill_result(services: Provided, asking: Asker, data: JSONBody[SkillResultBody]) -> Response[bytes]:
    return await changing.record(services, asking, data)


ROUTES: Sequence[HTTPRouteHandler] = (
    create_skill_of_tenant,
    list_skills_of_tenant,
    import_skills_of_tenant,
    show_skill,
    update_skill_of_tenant,
    replace_skill_of_tenant,
    archive_skill,
    record_skill_result,
)
