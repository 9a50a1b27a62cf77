"""Budgets: /api/v1/token-budgets (spec 02, sections 4 and 17.1)."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.commands import carry_out, origin
from api.costs.budget_schemas import (
    BudgetBody,
    BudgetsQuery,
    CreateBudgetBody,
    EffectiveQuery,
    ProjectBudgetBody,
    budget_body,
    measured_body,
)
from api.costs.examples import BUDGET, EFFECTIVE, MEASURED_BUDGET
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.pages import PageQuery, page_of
from api.paths import BudgetPath, ProjectPath
from api.projects.examples import META
from api.projects.routes import check_there, project_id_of
from api.services import Provided, Services
from domain.caller import Role
from domain.errors import NotFound
from domain.event import Recorded, Stream
from domain.usage.budget import (
    Budget,
    BudgetFields,
    budget_relax_forbidden,
    check_scope,
    create_budget,
    delete_budget,
    relaxes,
    update_budget,
)
from domain.usage.figures import NOTHING, Figures, Scope
from domain.usage.watching import NEVER, Watched, crossing
from eventstore.log.command import Change, Command, Known, Need, existing
from projections.facts.budgets import BLOCKING_BUDGETS, BUDGETS_OF_SCOPE, TENANT
from projections.facts.usage import SPENDING
from projections.queries.effective_budget import effective_budget
from projections.rows.agents import AGENTS
from projections.rows.epics import EPICS
from projections.rows.projects import PROJECTS
from projections.rows.stories import STORIES
from projections.rows.token_budgets import BUDGETS, BudgetFilter, find_budget, list_budgets, metered_of

TAGS = ["Costs"]
RETRYABLE = ("idempotency_key_reused",)
ITEMS: dict[str, Any] = {"project": PROJECTS, "epic": EPICS, "story": STORIES, "agent": AGENTS}
CHANGING: dict[str, Any] = {
    "opt": {"access": "orchestrator+", "errors": ("budget_relax_forbidden", *RETRYABLE)},
    "tags": TAGS,
    "description": "What is left out stays. Raising a limit that blocks, or switching it to warn, takes a user key.",
    "responses": answers(200, "The budget", {"token_budget": BUDGET}),
}


@post(
    "/api/v1/token-budgets",
    opt={"access": "orchestrator+", "errors": ("conflict", "budget_relax_forbidden", *RETRYABLE)},
    tags=TAGS,
    summary="Set a budget",
    description="Of tokens, of money or of both, for a story, an epic, a project or an agent; with `per`, for each "
    "story, epic or agent of a project, unless it has one of its own. `warn` tells when it is reached, `block` "
    "refuses the reports of stories as well. What was spent before counts.",
    status_code=201,
    responses=answers(201, "The budget", {"token_budget": BUDGET}),
)
async def create_token_budget(services: Provided, asking: Asker, data: JSONBody[CreateBudgetBody]) -> Response[bytes]:
    return await _create(services, asking, data.command())


@post(
    "/api/v1/projects/{project:str}/token-budgets",
    opt={"access": "orchestrator+", "errors": ("conflict", *RETRYABLE)},
    tags=TAGS,
    summary="Set a budget of tokens of a project",
    description="As a whole, or for each of its stories, epics or agents.",
    status_code=201,
    responses=answers(201, "The budget", {"token_budget": BUDGET}),
)
async def create_token_budget_of_project(
    services: Provided, asking: Asker, project: ProjectPath, data: JSONBody[ProjectBudgetBody]
) -> Response[bytes]:
    project_id = await project_id_of(services, asking, project)
    await check_there(services, asking, project_id)
    return await _create(services, asking, data.command(project_id))


async def _create(services: Services, asking: Asking, fields: BudgetFields) -> Response[bytes]:
    kind, id_ = check_scope(fields)
    stream, item, blocking = (
        Stream("token_budget", services.new_id()),
        ITEMS[kind].need(id_),
        BLOCKING_BUDGETS.need(TENANT),
    )
    there, spent, made = BUDGETS_OF_SCOPE.need((kind, id_)), SPENDING.need((kind, id_)), BUDGETS.need(stream.id)
    may_relax = asking.caller.role.rank >= Role.USER.rank

    def decide(known: Known) -> Sequence[Change]:
        project_id = _project_of(existing(known, item), kind)
        event = create_budget(fields, project_id, known[there])
        budget = Budget.of(event, stream.id, services.utc_now())
        if not may_relax and any(_set_aside(each, budget) for each in known[blocking]):
            raise budget_relax_forbidden()
        return [Change(stream, event), *_reached(budget, known[spent])]

    command = Command(
        origin=origin(services, asking), decide=decide, answer=partial(_answer, asking, made), status=201,
        needs=(item, there, spent, blocking, made), streams=(),
    )  # fmt: skip
    return await carry_out(services, asking, command)


def _project_of(item: Any, kind: str) -> UUID | None:
    found: UUID | None = None if kind == "agent" else item.project_id
    return found


def _set_aside(each: Budget, mine: Budget) -> bool:
    """Whether a limit that blocks for every such item would hold less for this one."""
    same = mine.scope_type == "agent" or each.scope_id == mine.project_id
    return each.per == mine.scope_type and same and relaxes(each, mine)


def _reached(budget: Budget, used: Figures, before: int = NEVER) -> Sequence[Change]:
    """What the budget has to tell from the beginning. Of a limit for each item that shows with the next report."""
    if budget.per is not None:
        return ()
    scope: Scope = (budget.scope_type, budget.scope_id)
    told = crossing(Watched(budget, budget.scope_type, budget.scope_id, scope), before, used, None)
    return [Change(stream, event) for stream, event in told]


def _answer(asking: Asking, made: Need[Budget | None], known: Known, _: Sequence[Recorded]) -> dict[str, Any]:
    budget = existing(known, made)
    used = known.get(SPENDING.need((budget.scope_type, budget.scope_id)), NOTHING)
    return {"token_budget": budget_body(asking.caller.tenant_id, budget, used)}


@get(
    "/api/v1/token-budgets",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List budgets",
    description="Newest first, each with what was used of it. They count what agents report; what was measured beside "
    "it (`metered_tokens`) is in none.",
    responses=answers(200, "A page of budgets", {"data": [MEASURED_BUDGET], "meta": META}),
)
async def list_token_budgets(
    services: Provided, asking: Asker, wanted: NamedDependency[BudgetsQuery]
) -> dict[str, Any]:
    only = BudgetFilter(wanted.scope_type or None, wanted.scope_id or None)
    return await _list(services, asking, wanted, only)


@get(
    "/api/v1/projects/{project:str}/token-budgets",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List the budgets of a project",
    description="Its own, and those of its epics and stories.",
    responses=answers(200, "A page of budgets", {"data": [MEASURED_BUDGET], "meta": META}),
)
async def list_token_budgets_of_project(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    project_id = await project_id_of(services, asking, project)
    await check_there(services, asking, project_id)
    return await _list(services, asking, wanted, BudgetFilter(project_id=project_id))


async def _list(services: Services, asking: Asking, wanted: PageQuery, only: BudgetFilter) -> dict[str, Any]:
    page, tenant_id = page_of(wanted), asking.caller.tenant_id
    async with services.reading(tenant_id) as tx:
        found, total = await list_budgets(tx, only, page.limit, page.offset)
        measured = await metered_of(tx, [budget for budget, _ in found])
    rows = [measured_body(tenant_id, *each, beside) for each, beside in zip(found, measured, strict=True)]
    return page.answer(rows, total)


@get(
    "/api/v1/token-budgets/effective",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show which budget of money holds for something",
    description="Its own, or else that of its epic, of its project, or the tenant's default for a story.",
    responses=answers(200, "The budget and what was used of it", {"data": EFFECTIVE}),
)
async def show_effective_budget(
    services: Provided, asking: Asker, wanted: NamedDependency[EffectiveQuery]
) -> dict[str, Any]:
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await effective_budget(tx, wanted.scope_type, wanted.scope_id)
    if found is None:
        raise NotFound("Not found")
    limit, spent = found["effective_budget_millicents"], found["current_spend_millicents"]
    return {"data": {**found, "utilization_pct": spent * 100 // limit if limit else None}}


@get(
    "/api/v1/token-budgets/{budget_id:uuid}",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show a budget",
    responses=answers(
        200, "The budget",
        {"token_budget": {**MEASURED_BUDGET, "effective_budget_millicents": 500_000, "budget_source": "explicit"}},
    ),
)  # fmt: skip
async def show_token_budget(services: Provided, asking: Asker, budget_id: BudgetPath) -> dict[str, Any]:
    tenant_id = asking.caller.tenant_id
    async with services.reading(tenant_id) as tx:
        found = await find_budget(tx, budget_id)
        if found is None:
            raise NotFound("Not found")
        (measured,) = await metered_of(tx, [found[0]])
    source = {"effective_budget_millicents": found[0].budget_millicents, "budget_source": "explicit"}
    return {"token_budget": {**measured_body(tenant_id, *found, measured), **source}}


@patch(
    "/api/v1/token-budgets/{budget_id:uuid}", **CHANGING, operation_id="patch_token_budget", summary="Change a budget"
)
async def patch_token_budget(
    services: Provided, asking: Asker, budget_id: BudgetPath, data: JSONBody[BudgetBody]
) -> Response[bytes]:
    return await _change(services, asking, budget_id, data)


@put(
    "/api/v1/token-budgets/{budget_id:uuid}", **CHANGING, operation_id="put_token_budget",
    summary="Change a budget (as PATCH)",
)  # fmt: skip
async def put_token_budget(
    services: Provided, asking: Asker, budget_id: BudgetPath, data: JSONBody[BudgetBody]
) -> Response[bytes]:
    return await _change(services, asking, budget_id, data)


async def _change(services: Services, asking: Asking, budget_id: UUID, data: BudgetBody) -> Response[bytes]:
    stream, need, fields = Stream("token_budget", budget_id), BUDGETS.need(budget_id), data.fields()
    may_relax = asking.caller.role.rank >= Role.USER.rank

    def decide(known: Known) -> Sequence[Change]:
        budget = existing(known, need)
        events = update_budget(budget, fields, may_relax=may_relax)
        if not any(event.is_of_limits for event in events):
            return [Change(stream, event) for event in events]
        then = events[0].applied(budget)
        used = known[SPENDING.need((budget.scope_type, budget.scope_id))]
        return [*(Change(stream, event) for event in events), *_reached(then, used)]

    command = Command(
        origin=origin(services, asking), decide=decide, answer=partial(_answer, asking, need), needs=(need,),
        following=partial(_spent_of, need), streams=(stream,),
    )  # fmt: skip
    return await carry_out(services, asking, command)


def _spent_of(need: Need[Budget | None], known: Known) -> Sequence[Need[Any]]:
    budget = known[need]
    return () if budget is None else (SPENDING.need((budget.scope_type, budget.scope_id)),)


@delete(
    "/api/v1/token-budgets/{budget_id:uuid}",
    opt={"access": "user+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Delete a budget",
    description="Nothing that was reported changes.",
    status_code=200,
    responses=answers(200, "It is gone", {"token_budget": {"id": BUDGET["id"], "deleted": True}}),
)
async def delete_token_budget(services: Provided, asking: Asker, budget_id: BudgetPath) -> Response[bytes]:
    stream, need = Stream("token_budget", budget_id), BUDGETS.need(budget_id)
    command = Command(
        origin=origin(services, asking), decide=lambda known: [Change(stream, delete_budget(known[need]))],
        answer=lambda *_: {"token_budget": {"id": budget_id, "deleted": True}}, needs=(need,), streams=(stream,),
    )  # fmt: skip
    return await carry_out(services, asking, command)


ROUTES: Sequence[HTTPRouteHandler] = (
    create_token_budget,
    create_token_budget_of_project,
    list_token_budgets,
    list_token_budgets_of_project,
    show_effective_budget,
    show_token_budget,
    patch_token_budget,
    put_token_budget,
    delete_token_budget,
)
