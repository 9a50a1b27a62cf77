"""What work costs, added up: /api/v1/analytics (spec 02, section 6)."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import UNSET, UnsetType

from api.costs.analytics_schemas import (
    AfterQuery,
    AgentCostsQuery,
    CostsQuery,
    EpicCostsQuery,
    MixQuery,
    TrendsQuery,
    agent_rows,
    breakdown,
    check_after,
    epic_rows,
    mix_body,
    model_rows,
    primary_models,
    profile_body,
    share,
    trend_body,
)
from api.costs.examples import AGENT_COSTS, EPIC_COSTS, MIX, MODEL_COSTS, PROFILE, PROJECT_COSTS, TREND
from api.costs.schemas import metered_body, totals_body
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.pages import page_of
from api.paths import AgentPath, ProjectPath
from api.projects.examples import META
from api.projects.routes import check_there, project_id_of
from api.services import Provided, Services
from domain.errors import NotFound
from domain.usage.figures import NOTHING, Figures
from domain.usage.metered import NO_MEASURE, Measured
from eventstore.database.transaction import TenantTx
from projections.queries.costs import (
    CostFilter,
    Slice,
    added_up,
    agents_with_budgets,
    epics_with_costs,
    ranked_sums,
    rework_costs,
    summary_of,
    trends,
    verified_costs,
)
from projections.queries.metered import metered_of_agents, metered_of_models, metered_of_periods
from projections.rows.agents import find_agent
from projections.rows.metered_usage import metered
from projections.rows.projects import find_project
from projections.rows.token_budgets import BudgetFilter, list_budgets

TAGS = ["Costs"]
MEASURED = "Beside it what was measured (OTLP), by the signal that told it, in no sum of the former."
FILTERED = "Self-reported usage, without what was deleted; corrections count. A project by its id or slug, days in UTC."


async def _project(services: Services, asking: Asking, project: str | UnsetType) -> UUID | None:
    """Raises NotFound."""
    if project is UNSET:
        return None
    found = await project_id_of(services, asking, project)
    await check_there(services, asking, found)
    return found


async def _ranked(tx: TenantTx, only: CostFilter) -> tuple[Sequence[Slice], Mapping[UUID, str]]:
    """What agents have cost, and their models."""
    if not only.has_dates:
        return await ranked_sums(tx, only.project_id)
    slices = await added_up(tx, only)
    return slices, primary_models(slices)


@get(
    "/api/v1/analytics/agents",
    opt={"access": "orchestrator+"},
    tags=TAGS,
    summary="Rank agents by what a story costs them",
    description=f"By money, or by tokens (rank_by); the lowest is first. Agents that were measured and have reported "
    f"nothing are last, without a rank. {FILTERED} {MEASURED}",
    responses=answers(200, "A page of agents", {"data": [AGENT_COSTS], "meta": META}),
)
async def show_agent_costs(
    services: Provided, asking: Asker, wanted: NamedDependency[AgentCostsQuery]
) -> dict[str, Any]:
    only, page = wanted.only(await _project(services, asking, wanted.project_id)), page_of(wanted)
    async with services.reading(asking.caller.tenant_id) as tx:
        await check_after(tx, wanted.after)
        slices, models = await _ranked(tx, only)
        measured = await metered_of_agents(tx, only)
        agents = await agents_with_budgets(tx, _named(slices, measured))
    rows = agent_rows(slices, agents, wanted.rank_by, measured, models)
    return page.answer(list(page.of(rows)), len(rows))


def _named(slices: Sequence[Slice], measured: Mapping[UUID, Measured]) -> Sequence[UUID]:
    return list({each.agent_id for each in slices if each.agent_id} | set(measured))


@get(
    "/api/v1/analytics/epics",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show what epics cost",
    description="Every epic, by number, those without a cost too.",
    responses=answers(200, "A page of epics", {"data": [EPIC_COSTS], "meta": META}),
)
async def show_epic_costs(services: Provided, asking: Asker, wanted: NamedDependency[EpicCostsQuery]) -> dict[str, Any]:
    page, project_id = page_of(wanted), await _project(services, asking, wanted.project_id)
    async with services.reading(asking.caller.tenant_id) as tx:
        await check_after(tx, wanted.after)
        epics, models, total = await epics_with_costs(tx, project_id, page.limit, page.offset)
        found = await metered(tx, [("epic", row["epic_id"]) for row in epics])
    measured = {epic_id: each for (_, epic_id), each in found.items()}
    return page.answer(epic_rows(epics, models, measured), total)


@get(
    "/api/v1/analytics/projects/{project:str}",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show what a project costs",
    description="With what a verified story costs, all that was spent included, and with rework: what was spent on "
    "work that was rejected afterwards.",
    responses=answers(200, "The project's costs", {"data": PROJECT_COSTS}),
)
async def show_project_costs(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[AfterQuery]
) -> dict[str, Any]:
    project_id = await project_id_of(services, asking, project)
    async with services.reading(asking.caller.tenant_id) as tx:
        await check_after(tx, wanted.after)
        return {"data": await _project_costs(tx, project_id)}


@get(
    "/api/v1/projects/{project:str}/token-usage",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show what a project costs, by agent and by model",
    responses=answers(
        200, "The project's costs", {"data": {**PROJECT_COSTS, "agents": [AGENT_COSTS], "models": [MODEL_COSTS]}}
    ),
)
async def show_project_token_usage(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[AfterQuery]
) -> dict[str, Any]:
    project_id = await project_id_of(services, asking, project)
    only = CostFilter(project_id=project_id)
    async with services.reading(asking.caller.tenant_id) as tx:
        await check_after(tx, wanted.after)
        costs = await _project_costs(tx, project_id)
        slices, measured = await added_up(tx, only), await metered_of_agents(tx, only)
        agents = await agents_with_budgets(tx, _named(slices, measured))
        models = model_rows(slices, await metered_of_models(tx, only))
    return {"data": {**costs, "agents": agent_rows(slices, agents, "tokens", measured), "models": models}}


async def _project_costs(tx: TenantTx, project_id: UUID) -> dict[str, Any]:
    """Raises NotFound."""
    if await find_project(tx, project_id) is None:
        raise NotFound("Not found")
    slices = await summary_of(tx, project_id)
    budgets, _ = await list_budgets(tx, BudgetFilter("project", project_id), 10, 0)
    verified, verified_cost = await verified_costs(tx, project_id)
    rework = await rework_costs(tx, project_id)
    measured = (await metered(tx, [("project", project_id)])).get(("project", project_id), NO_MEASURE)
    named = await agents_with_budgets(tx, [each.agent_id for each in slices if each.agent_id])
    whole = next((each for each in slices if not (each.agent_id or each.model_name or each.phase)), None)
    used, stories = (whole.figures, whole.story_count) if whole else (NOTHING, 0)
    budget = next((each for each, _ in budgets if each.per is None), None)
    ranked = agent_rows(slices, named, "cost")
    dearest = sorted(ranked, key=lambda row: (-row["total_cost_millicents"], row["efficiency_rank"]))[:3]
    costs, listed = breakdown(sorted(_by(slices, "model_name").items()))
    utilization = budget.utilization(used) if budget else None
    return {
        **totals_body(used),
        "metered": metered_body(measured),
        "budget_millicents": budget.budget_millicents if budget else None,
        "budget_tokens": budget.budget_tokens if budget else None,
        "utilization_pct": utilization,
        "budget_utilization_percent": utilization,
        "cost_by_phase": {phase: each.cost_millicents for phase, each in sorted(_by(slices, "phase").items())},
        "model_breakdown": listed,
        "model_costs": costs,
        "agent_count": len(ranked),
        "story_count": stories,
        "avg_cost_per_story_millicents": share(used.cost_millicents, stories),
        "verified_story_count": verified,
        "verified_stories_cost_millicents": verified_cost,
        "cost_per_verified_story_millicents": share(used.cost_millicents, verified) if verified else None,
        "rework_cost_millicents": rework[0],
        "rework_tokens": rework[1],
        "top_agents": [
            {name: row[name] for name in ("agent_id", "agent_name", "cost_millicents", "total_tokens")}
            for row in dearest
        ],
    }


def _by(slices: Sequence[Slice], what: Literal["model_name", "phase"]) -> dict[str, Figures]:
    return {name: each.figures for each in slices if (name := getattr(each, what))}


@get(
    "/api/v1/analytics/models",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show what models cost, and what became of their stories",
    description=f"The dearest first. A story that two models worked on counts for both. {FILTERED}",
    responses=answers(200, "A page of models", {"data": [MODEL_COSTS], "meta": META}),
)
async def show_model_costs(services: Provided, asking: Asker, wanted: NamedDependency[CostsQuery]) -> dict[str, Any]:
    only, page = wanted.only(await _project(services, asking, wanted.project_id)), page_of(wanted)
    async with services.reading(asking.caller.tenant_id) as tx:
        await check_after(tx, wanted.after)
        rows = model_rows(await added_up(tx, only), await metered_of_models(tx, only))
    return page.answer(list(page.of(rows)), len(rows))


@get(
    "/api/v1/analytics/trends",
    opt={"access": "orchestrator+"},
    tags=TAGS,
    summary="Show costs by day or week",
    description=f"The oldest first; periods without a report are left out. {FILTERED}",
    responses=answers(200, "A page of periods", {"data": [TREND], "meta": META}),
)
async def show_cost_trends(services: Provided, asking: Asker, wanted: NamedDependency[TrendsQuery]) -> dict[str, Any]:
    only, page = wanted.only(await _project(services, asking, wanted.project_id)), page_of(wanted)
    unit: Literal["day", "week"] = "week" if wanted.granularity == "weekly" else "day"
    async with services.reading(asking.caller.tenant_id) as tx:
        await check_after(tx, wanted.after)
        rows, total = await trends(tx, only, unit, page.limit, page.offset)
        measured = await metered_of_periods(tx, only, unit)
    return page.answer([trend_body(row, measured.get(row["period"], NO_MEASURE)) for row in rows], total)


@get(
    "/api/v1/analytics/model-mix",
    opt={"access": "orchestrator+"},
    tags=TAGS,
    summary="Show which models are used for which phase",
    description=f"And agents that use several beside those that use one, of all agents. {FILTERED}",
    responses=answers(200, "The matrix", {"data": MIX}),
)
async def show_model_mix(services: Provided, asking: Asker, wanted: NamedDependency[MixQuery]) -> dict[str, Any]:
    project_id = await _project(services, asking, wanted.project_id)
    async with services.reading(asking.caller.tenant_id) as tx:
        await check_after(tx, wanted.after)
        everybody = await added_up(tx, wanted.only(project_id))
        mine = everybody
        if wanted.agent_id is not UNSET:
            if await find_agent(tx, wanted.agent_id) is None:
                raise NotFound("Not found")
            mine = await added_up(tx, wanted.only(project_id, wanted.agent_id))
    return {"data": mix_body(mine, everybody)}


@get(
    "/api/v1/analytics/agents/{agent_id:uuid}/model-profile",
    opt={"access": "orchestrator+"},
    tags=TAGS,
    summary="Show which models an agent uses",
    description=FILTERED,
    responses=answers(200, "The agent's models", {"data": PROFILE}),
)
async def show_model_profile(
    services: Provided, asking: Asker, agent_id: AgentPath, wanted: NamedDependency[CostsQuery]
) -> dict[str, Any]:
    project_id = await _project(services, asking, wanted.project_id)
    async with services.reading(asking.caller.tenant_id) as tx:
        await check_after(tx, wanted.after)
        found = await find_agent(tx, agent_id)
        if found is None:
            raise NotFound("Not found")
        only = wanted.only(project_id)
        slices, measured = await added_up(tx, wanted.only(project_id, agent_id)), await metered_of_agents(tx, only)
    return {"data": profile_body(agent_id, found[0].name, slices, measured.get(agent_id, NO_MEASURE))}


ROUTES: Sequence[HTTPRouteHandler] = (
    show_agent_costs,
    show_epic_costs,
    show_project_costs,
    show_project_token_usage,
    show_model_costs,
    show_cost_trends,
    show_model_mix,
    show_model_profile,
)
