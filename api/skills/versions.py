"""The versions of a skill: their texts, what is different between two, and how they have done."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.documentation.responses import answers
from api.http.asking import Asker
from api.http.refusal import Refused
from api.pages import PageQuery, page_of
from api.paths import SkillPath, VersionPath
from api.projects.examples import META
from api.services import Provided
from api.skills import changing
from api.skills.costs import cost_summary, regression_rule
from api.skills.examples import DIFF, RESULT, SKILL, STAT, SUMMARY, SUMMED, VERSION
from api.skills.schemas import (
    DiffQuery,
    SkillVersionBody,
    result_body,
    stat_body,
    summary_body,
    version_body,
)
from domain.errors import NotFound
from domain.skill import SkillVersion
from domain.skill_costs import costs_of_versions
from domain.skill_diff import diff
from eventstore.database.transaction import TenantTx
from projections.queries.skill_costs import version_figures
from projections.rows.skill_results import list_results, skill_stats
from projections.rows.skills import SKILLS, find_versions, list_versions

TAGS = ["Skills"]
VERSIONS = "/api/v1/skills/{skill_id:uuid}/versions"
LARGEST_VERSION = 2**31 - 1


@post(
    VERSIONS,
    opt={"access": "user+", "errors": ("idempotency_key_reused",)},
    tags=TAGS,
    summary="Add a version to a skill",
    description="It is the newest from then on. No version is ever changed.",
    status_code=201,
    responses=answers(201, "The skill and its version", {"skill": SKILL, "version": VERSION}),
)
async def add_skill_version(
    services: Provided, asking: Asker, skill_id: SkillPath, data: JSONBody[SkillVersionBody]
) -> Response[bytes]:
    return await changing.version(services, asking, skill_id, data)


@get(
    VERSIONS,
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List the versions of a skill",
    description="The first first, without their texts.",
    responses=answers(200, "A page of versions", {"data": [SUMMARY], "meta": META}),
)
async def list_skill_versions(
    services: Provided, asking: Asker, skill_id: SkillPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    page = page_of(wanted)
    async with services.reading(asking.caller.tenant_id) as tx:
        await _check_there(tx, skill_id)
        found, total = await list_versions(tx, skill_id, page.limit, page.offset)
    return page.answer([summary_body(each) for each in found], total)


@get(
    VERSIONS + "/{version:str}",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show a version of a skill",
    description="With what it cost, when reports of token usage name it.",
    responses=answers(200, "The version", {"version": VERSION, "cost_summary": SUMMED}),
)
async def show_skill_version(
    services: Provided, asking: Asker, skill_id: SkillPath, version: VersionPath
) -> dict[str, Any]:
    async with services.reading(asking.caller.tenant_id) as tx:
        (found,) = await _found(tx, skill_id, _number(version))
        costs = costs_of_versions(await version_figures(tx, skill_id), await regression_rule(tx))
    of_this = next((each for each in costs if each.figures.version == found.version), None)
    return {"version": version_body(found), "cost_summary": cost_summary(of_this)}


@get(
    VERSIONS + "/{version:str}/diff",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show what a version changes",
    description="Line by line, in the form of a patch. Between very long texts that differ in many places, everything "
    "from the first to the last difference counts as changed.",
    responses=answers(200, "The difference", {"data": DIFF}),
)
async def show_skill_diff(
    services: Provided, asking: Asker, skill_id: SkillPath, version: VersionPath, wanted: NamedDependency[DiffQuery]
) -> dict[str, Any]:
    number = _number(version)
    before = wanted.against or max(number - 1, 1)
    async with services.reading(asking.caller.tenant_id) as tx:
        old, new = await _found(tx, skill_id, before, number)
        name = (await SKILLS.load(tx, [skill_id]))[skill_id].name
    lines = diff(old.prompt_text, new.prompt_text, (f"{name}@{before}", f"{name}@{number}"))
    moved = lines[2:]
    return {
        "data": {
            "from": before,
            "to": number,
            "added": sum(line.startswith("+") for line in moved),
            "removed": sum(line.startswith("-") for line in moved),
            "diff": "\n".join(lines),
        }
    }


@get(
    VERSIONS + "/{version:str}/results",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List the results of a version",
    description="The newest first.",
    responses=answers(200, "A page of results", {"data": [RESULT], "meta": META}),
)
async def list_skill_results(
    services: Provided, asking: Asker, skill_id: SkillPath, version: VersionPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    page = page_of(wanted)
    async with services.reading(asking.caller.tenant_id) as tx:
        (of_version,) = await _found(tx, skill_id, _number(version))
        found, total = await list_results(tx, of_version.version_id, page.limit, page.offset)
    return page.answer([result_body(each) for each in found], total)


@get(
    "/api/v1/skills/{skill_id:uuid}/stats",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show how the versions of a skill have done",
    description="One line for each version that has results. A metric that no result has is null, not zero.",
    responses=answers(200, "A page of versions with results", {"data": [STAT], "meta": META}),
)
async def show_skill_stats(
    services: Provided, asking: Asker, skill_id: SkillPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    page = page_of(wanted)
    async with services.reading(asking.caller.tenant_id) as tx:
        await _check_there(tx, skill_id)
        rows, total = await skill_stats(tx, skill_id, page.limit, page.offset)
    return page.answer([stat_body(row) for row in rows], total)


async def _check_there(tx: TenantTx, skill_id: UUID) -> None:
    """Raises NotFound."""
    if not await SKILLS.load(tx, [skill_id]):
        raise NotFound("Not found")


async def _found(tx: TenantTx, skill_id: UUID, *numbers: int) -> Sequence[SkillVersion]:
    """One for each number. Raises NotFound."""
    found = await find_versions(tx, skill_id, *numbers)
    if not found.keys() >= {*numbers}:
        raise NotFound("Not found")
    return [found[number] for number in numbers]


def _number(version: str) -> int:
    """Raises Refused for what is no number of a version."""
    if not (version.isascii() and version.isdigit()) or len(version) > len(str(LARGEST_VERSION)):
        raise Refused("bad_request", "Bad Request: a version is a whole number, from 1")
    return int(version)


ROUTES: Sequence[HTTPRouteHandler] = (
    add_skill_version,
    list_skill_versions,
    show_skill_version,
    show_skill_diff,
    list_skill_results,
    show_skill_stats,
)
