"""Analytics on the wire (spec 02, section 6): the documents' names beside those that existing clients read."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from api.costs.schemas import Text, dollars, metered_tokens, totals_body
from api.pages import PageQuery
from domain.errors import Invalid
from domain.fields import must_be
from domain.usage.figures import NOTHING
from domain.usage.metered import NO_MEASURE, Measured, most_tokens
from eventstore.database.transaction import TenantTx
from projections.queries.costs import CostFilter, Slice
from projections.rows.token_usage import EVERYBODY, figures_in

LAST_YEAR = 9000
NOT_MEASURED: Mapping[UUID, Measured] = {}
LOG_SIZE = "SELECT size FROM app.log_head WHERE tenant_id = $1"


After = Annotated[
    int, Meta(ge=0, le=2**53, description="Position of the log that the answer must have got to: of your own write.")
]  # fmt: skip


class AfterQuery(Struct, frozen=True, kw_only=True):
    after: After | UnsetType = UNSET


async def check_after(tx: TenantTx, after: int | UnsetType) -> None:
    """Sums are written in the transaction of the report, so whoever has heard a position reads what stands there.
    Raises Invalid for one that the log has not come to."""
    if after is not UNSET and after >= await tx.fetchval(LOG_SIZE, tx.tenant_id):
        raise Invalid(after=must_be("a position that the log has come to, as Loopctl-Position says it"))


class CostsQuery(PageQuery, frozen=True, kw_only=True):
    after: After | UnsetType = UNSET
    project_id: Annotated[Text, Meta(description="Id or slug: only of this project.")] | UnsetType = UNSET
    since: Annotated[str, Meta(max_length=10, description="YYYY-MM-DD: from this day on, UTC.")] | UnsetType = UNSET
    until: Annotated[str, Meta(max_length=10, description="YYYY-MM-DD: up to this day, which is in.")] | UnsetType = (
        UNSET
    )

    def only(self, project_id: UUID | None, agent_id: UUID | None = None) -> CostFilter:
        """Raises Invalid."""
        since = None if self.since is UNSET else _day("since", self.since)
        until = None if self.until is UNSET else _day("until", self.until) + timedelta(days=1)
        return CostFilter(project_id, agent_id, since, until)


class AgentCostsQuery(CostsQuery, frozen=True, kw_only=True):
    rank_by: Annotated[Literal["cost", "tokens"], Meta(description="Per story, the lowest first.")] = "cost"


class TrendsQuery(CostsQuery, frozen=True, kw_only=True):
    granularity: Annotated[Literal["daily", "weekly"], Meta(description="Weeks begin on Monday.")] = "daily"


class MixQuery(CostsQuery, frozen=True, kw_only=True):
    agent_id: Annotated[UUID, Meta(description="The matrix of this agent alone.")] | UnsetType = UNSET


class EpicCostsQuery(PageQuery, frozen=True, kw_only=True):
    after: After | UnsetType = UNSET
    project_id: Annotated[Text, Meta(description="Id or slug: only of this project.")] | UnsetType = UNSET


def agent_rows(
    slices: Sequence[Slice], agents: Mapping[UUID, Any], rank_by: str,
    measured: Mapping[UUID, Measured] = NOT_MEASURED, models: Mapping[UUID, str] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Ranked: the least for a story first, of equals the one with the smaller id. After those, without a rank, agents
    that were measured and have reported nothing: who says nothing is not left out."""
    whole = [each for each in slices if each.agent_id and each.model_name is None]
    models = primary_models(slices) if models is None else models

    def rank(each: Slice) -> tuple[float, UUID]:
        amount = each.figures.total_tokens if rank_by == "tokens" else each.figures.cost_millicents
        return (amount / each.story_count if each.story_count else 0.0, each.agent_id or EVERYBODY)

    rows = []
    for place, each in enumerate(sorted(whole, key=rank), 1):
        id_ = each.agent_id or EVERYBODY
        rows.append({**_agent_row(each, agents.get(id_)), "primary_model": models.get(id_), "efficiency_rank": place})
    silent = sorted(
        set(measured) - {each.agent_id for each in whole}, key=lambda id_: (-most_tokens(measured[id_]), id_)
    )
    nothing = [Slice(agent_id=id_, model_name=None, phase=None, figures=NOTHING, story_count=0) for id_ in silent]
    rows += [
        {**_agent_row(each, agents.get(each.agent_id or EVERYBODY)), "primary_model": None, "efficiency_rank": None}
        for each in nothing
    ]
    return [{**row, "metered_tokens": metered_tokens(measured.get(row["agent_id"], NO_MEASURE))} for row in rows]


def _agent_row(each: Slice, agent: Any) -> dict[str, Any]:
    used, stories = each.figures, each.story_count
    return {
        "agent_id": each.agent_id,
        "agent_name": agent["name"] if agent else None,
        "total_stories_reported": stories,
        "story_count": stories,
        **totals_body(used),
        "avg_cost_per_story_millicents": share(used.cost_millicents, stories),
        "avg_tokens_per_story": share(used.total_tokens, stories),
        "budget_millicents": agent["budget_millicents"] if agent else None,
        "budget_tokens": agent["budget_tokens"] if agent else None,
        "budget_utilization_pct": _utilization(agent),
    }


def _utilization(agent: Any) -> int | None:
    """Of its own budget, which counts all projects."""
    pairs = [("budget_millicents", "cost_millicents"), ("budget_tokens", "tokens")] if agent else []
    return max((int(agent[used] or 0) * 100 // agent[limit] for limit, used in pairs if agent[limit]), default=None)


def primary_models(slices: Sequence[Slice]) -> dict[UUID, str]:
    """Of each agent the model with the most tokens; of equals the first by name."""
    tokens: dict[UUID, dict[str, int]] = {}
    for each in slices:
        if each.agent_id and each.model_name and each.phase:
            models = tokens.setdefault(each.agent_id, {})
            models[each.model_name] = models.get(each.model_name, 0) + each.figures.total_tokens
    return {agent: min(models, key=lambda name: (-models[name], name)) for agent, models in tokens.items()}


def model_rows(slices: Sequence[Slice], measured: Mapping[str, Measured]) -> list[dict[str, Any]]:
    """The dearest first."""
    found = [each for each in slices if each.agent_id is None and each.model_name and each.phase is None]
    found.sort(key=lambda each: (-each.figures.cost_millicents, each.model_name or ""))
    return [
        {
            "model_name": each.model_name,
            **totals_body(each.figures),
            "avg_cost_per_report_millicents": share(each.figures.cost_millicents, each.figures.report_count),
            "stories_count": each.story_count,
            "stories_verified_count": each.verified_count,
            "stories_rejected_count": each.rejected_count,
            "verification_rate_pct": verification_rate(each),
            "rework_cost_millicents": each.rework_millicents,
            "metered_tokens": metered_tokens(measured.get(each.model_name or "", NO_MEASURE)),
        }
        for each in found
    ]


def mix_body(slices: Sequence[Slice], everybody: Sequence[Slice]) -> dict[str, Any]:
    cells = [each for each in slices if each.agent_id is None and each.model_name and each.phase]
    cells.sort(key=lambda each: (each.model_name or "", each.phase or ""))
    return {"matrix": [_cell(each) for each in cells[:1000]], "comparative": _comparative(everybody)}


def _cell(each: Slice) -> dict[str, Any]:
    return {
        "model_name": each.model_name,
        "phase": each.phase,
        **totals_body(each.figures),
        "stories_count": each.story_count,
        "verified_count": each.verified_count,
        "rejected_count": each.rejected_count,
        "verification_rate_pct": verification_rate(each),
    }


def _comparative(slices: Sequence[Slice]) -> dict[str, Any]:
    """Agents that use several models beside those that use one."""
    models: dict[UUID, set[str]] = {}
    for each in slices:
        if each.agent_id and each.model_name and each.phase:
            models.setdefault(each.agent_id, set()).add(each.model_name)
    whole = [each for each in slices if each.agent_id and each.model_name is None]
    return {
        name: _group([each for each in whole if (len(models.get(each.agent_id or EVERYBODY, ())) > 1) == mixed])
        for name, mixed in (("mixed_model", True), ("single_model", False))
    }


def _group(agents: Sequence[Slice]) -> dict[str, Any]:
    rates = [rate for each in agents if (rate := verification_rate(each)) is not None]
    averages = [share(each.figures.cost_millicents, each.story_count) for each in agents]
    some = [each for each in averages if each]
    return {
        "agent_count": len(agents),
        "avg_verification_rate_pct": share(sum(rates), len(rates)) if rates else None,
        "avg_cost_per_story_millicents": (share(sum(some), len(some)) if some else 0) if agents else None,
    }


def profile_body(agent_id: UUID, name: str, slices: Sequence[Slice], measured: Measured) -> dict[str, Any]:
    cells = [each for each in slices if each.agent_id and each.model_name and each.phase]
    cells.sort(key=lambda each: (each.model_name or "", each.phase or ""))
    used = list(dict.fromkeys(each.model_name for each in cells))
    total = sum(each.figures.cost_millicents for each in cells)
    return {
        "agent_id": agent_id,
        "agent_name": name,
        "model_count": len(used),
        "is_model_blender": len(used) > 1,
        "models_used": used,
        "total_cost_millicents": total,
        "cost_millicents": total,
        "metered_tokens": metered_tokens(measured),
        "usage": [
            {**_cell(each), "cost_share_pct": each.figures.cost_millicents * 100 // total if total > 0 else None}
            for each in cells[:1000]
        ],
    }


def breakdown(rows: Sequence[tuple[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """By model, as a map and as the list that existing clients read."""
    by_model = {
        model: {
            "input_tokens": used.input_tokens, "output_tokens": used.output_tokens,
            "total_tokens": used.total_tokens, "cost_millicents": used.cost_millicents,
        }
        for model, used in rows
    }  # fmt: skip
    return by_model, [{"model_name": model, **said} for model, said in by_model.items()]


def epic_rows(epics: Sequence[Any], models: Sequence[Any], measured: Mapping[UUID, Measured]) -> list[dict[str, Any]]:
    found = []
    for row in epics:
        used = figures_in(row)
        costs, listed = breakdown(
            [(each["model_name"], figures_in(each)) for each in models if each["epic_id"] == row["epic_id"]]
        )
        budget = row["budget_millicents"]
        found.append(
            {
                "epic_id": row["epic_id"], "epic_number": row["number"], "epic_name": row["title"],
                "epic_title": row["title"], "story_count": row["story_count"],
                "completed_story_count": row["completed_story_count"], **totals_body(used),
                "avg_cost_per_story_millicents": share(used.cost_millicents, row["story_count"]),
                "cost_per_verified_story_millicents": share(used.cost_millicents, row["completed_story_count"]),
                "budget_millicents": budget,
                "utilization_pct": used.cost_millicents * 100 // budget if budget else None,
                "metered_tokens": metered_tokens(measured.get(row["epic_id"], NO_MEASURE)),
                "model_breakdown": listed, "model_costs": costs,
            }
        )  # fmt: skip
    return found


def trend_body(row: Any, measured: Measured) -> dict[str, Any]:
    return {
        "period": row["period"].isoformat(), **totals_body(figures_in(row)), "unique_agents": row["unique_agents"],
        "metered_tokens": metered_tokens(measured),
    }  # fmt: skip


def verification_rate(each: Slice) -> int | None:
    judged = each.verified_count + each.rejected_count
    return each.verified_count * 100 // judged if judged else None


def share(amount: int, among: int) -> int:
    """Cut towards zero; of nothing zero."""
    return int(amount / among) if among and abs(amount) < 2**52 else (amount // among if among else 0)


def with_dollars(millicents: int) -> dict[str, Any]:
    return {"total_cost_millicents": millicents, "total_cost_dollars": dollars(millicents)}


def _day(field: str, text: str) -> datetime:
    """Its beginning. Raises Invalid."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Invalid(**{field: must_be("a day, such as 2026-03-27")}) from None
    if day.year > LAST_YEAR:
        raise Invalid(**{field: must_be(f"a day up to the year {LAST_YEAR}")})
    return day
