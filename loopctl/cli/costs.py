"""What the work costs: token-usage, cost-anomalies, budget (spec 04, sections 7 and 8)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import App, Parameter

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import epic_id, project_id, project_id_or_none, story_id
from loopctl.cli.options import ANYWHERE, FIRST_PAGE, Flag, Pages, Scope
from loopctl.cli.output import Columns
from loopctl.cli.session import Session, route_of_a_later_version, session
from loopctl.cli.settings import PLANNING, READING, WATCHING
from loopctl.cli.stepping import said
from loopctl.cli.vocabulary import BudgetScope
from loopctl.client import Refused

budget = App(name="budget")

BUDGET: Columns = (
    "scope_type",
    "per",
    "limit_tokens",
    "budget_dollars",
    "enforcement",
    "utilization_pct",
    "scope_id",
    "id",
)
REPORT: Columns = ("inserted_at", "model_name", "phase", "total_tokens", "cost_dollars", "cost_source", "id")
EFFICIENCY: Columns = ("agent", "tokens", "stories", "tok/story", "model", "budget%")
"""The table of the landing page, in its words."""
EPIC: Columns = ("epic", "title", "stories", "tokens", "cost", "budget%")
ANOMALY: Columns = ("story_title", "anomaly_type", "deviation_factor", "agent_name", "story_cost_millicents", "id")


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Target:
    """What a budget is for, besides the project."""

    epic: str | None = None
    story: str | None = None
    agent: str | None = None


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Limit:
    """How much, and what happens then.

    Parameters
    ----------
    limit
        Tokens.
    cost
        Millicents: a thousandth of a cent.
    warn_at
        Percent of it at which it is told.
    block
        Refuse the reports of stories beyond it, instead of only telling.
    """

    limit: int | None = None
    cost: int | None = None
    warn_at: int | None = None
    block: Flag = False


WHOLE_PROJECT, NO_LIMIT = Target(), Limit()
OF_WHAT = "per_story, per_epic, per_agent or project; epic, story or agent with --epic, --story or --agent"


def token_usage(
    *, story: str | None = None, by_epic: Flag = False, by_agent: Flag = False, scope: Scope = ANYWHERE
) -> None:
    """Show what a project costs, or a story.

    Parameters
    ----------
    story
        Its number or id: each report of it.
    by_agent
        Who needs the fewest tokens for a story.
    """
    with session(scope, READING) as asked, route_of_a_later_version("costs"):
        if story is not None:
            found = asked.client.get(f"stories/{story_id(asked, story, scope.project)}/token-usage")
            asked.show(found, REPORT)
            asked.output.note(_in_all(found))
            return
        id_ = project_id(asked, scope.project)
        if by_epic:
            _show_table(asked, asked.client.get("analytics/epics", project_id=id_, page_size=100), EPIC, _of_epic)
        elif by_agent:
            found = asked.client.get("analytics/agents", project_id=id_, rank_by="tokens", page_size=100)
            _show_table(asked, found, EFFICIENCY, _efficiency)
        else:
            asked.show(asked.client.get(f"analytics/projects/{id_}"))


def _in_all(body: Mapping[str, Any]) -> str:
    """Of all pages, and what was measured, which is in none of it."""
    totals = body.get("totals") or {}
    signals = {signal: said["total_tokens"] for signal, said in (body.get("metered") or {}).items() if said}
    reported = f"Reported in all: {totals.get('total_tokens', 0):,} tokens, ${totals.get('total_cost_dollars')}"
    return f"{reported}; measured: {_measured(signals) or 'nothing'}"


def _show_table(asked: Session, body: Any, columns: Columns, row_of: Callable[[Mapping[str, Any]], Any]) -> None:
    """JSON as the server sent it; for people a table, with a column of what was measured where anything was."""
    if not asked.output.for_people:
        asked.show(body)
        return
    measured = [_measured(row.get("metered_tokens")) for row in body["data"]]
    rows = [{**row_of(row), "measured": most or "-"} for row, most in zip(body["data"], measured, strict=True)]
    asked.show({**body, "data": rows}, (*columns, "measured") if any(measured) else columns)


def _measured(tokens: Mapping[str, int | None] | None) -> str | None:
    """The greatest of the signals, which all tell the same calls."""
    told = [amount for amount in (tokens or {}).values() if amount is not None]
    return f"{max(told):,}" if told else None


def _of_epic(row: Mapping[str, Any]) -> dict[str, Any]:
    share = row.get("utilization_pct")
    return {
        "epic": row.get("epic_number"),
        "title": row.get("epic_title"),
        "stories": row.get("story_count"),
        "tokens": f"{row.get('total_tokens', 0):,}",
        "cost": f"${row.get('total_cost_dollars')}",
        "budget%": "-" if share is None else f"{share}%",
    }


def _efficiency(row: Mapping[str, Any]) -> dict[str, Any]:
    share = row.get("budget_utilization_pct")
    return {
        "agent": row.get("agent_name") or row.get("agent_id"),
        "tokens": f"{row.get('total_tokens', 0):,}",
        "stories": row.get("total_stories_reported"),
        "tok/story": f"{row.get('avg_tokens_per_story', 0):,}",
        "model": row.get("primary_model"),
        "budget%": "-" if share is None else f"{share}%",
    }


def anomalies(*, include_resolved: Flag = False, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE) -> None:
    """List stories that cost far more or less than others.

    Parameters
    ----------
    include_resolved
        Resolved ones as well, after those that are not.
    """
    with session(scope, WATCHING) as asked, route_of_a_later_version("costs"):
        query = {"project_id": project_id(asked, scope.project)}
        if not include_resolved:
            asked.show_list("cost-anomalies", pages, ANOMALY, **query)
            return
        parts = [asked.list("cost-anomalies", pages, **query, resolved=each) for each in (False, True)]
        metas = [part["meta"] for part in parts]
        most = {name: max(each[name] for each in metas) for name in metas[0] if name != "total_count"}
        meta = {**most, "total_count": sum(each["total_count"] for each in metas)}
        asked.show({"data": [row for part in parts for row in part["data"]], "meta": meta}, ANOMALY)


@budget.command(name="set")
def set_(
    *, scope_type: Annotated[BudgetScope, Parameter(name="--scope")], limit: Limit = NO_LIMIT,
    target: Target = WHOLE_PROJECT, scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Set a budget, or change the one that is there."""
    if limit.limit is None and limit.cost is None:
        raise Stop(Exit.USAGE, "How much?", "--limit TOKENS or --cost MILLICENTS")
    with session(scope, PLANNING) as asked, route_of_a_later_version("budgets"):
        place = _scoped(asked, scope_type, target, scope.project)
        terms = said(
            budget_tokens=limit.limit, budget_millicents=limit.cost, alert_threshold_pct=limit.warn_at,
            enforcement="block" if limit.block else None,
        )  # fmt: skip
        try:
            asked.show(asked.client.post("token-budgets", {**place, **terms}))
        except Refused as refused:
            there = _there(asked, place) if refused.status == 409 else ()
            if not there:
                raise
            asked.show(asked.client.request("PATCH", f"token-budgets/{there[0]['id']}", terms))


def _there(asked: Session, place: Mapping[str, str]) -> Sequence[Any]:
    """The budget of the same scope."""
    only = {"scope_type": place["scope_type"], "scope_id": place["scope_id"]}
    found = asked.client.get("token-budgets", **only, page_size=100)["data"]
    return [each for each in found if each.get("per") == place.get("per")]


@budget.command(name="list")
def list_(*, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE) -> None:
    """List the budgets."""
    with session(scope, READING) as asked, route_of_a_later_version("budgets"):
        project = project_id_or_none(asked, scope.project)
        asked.show_list(f"projects/{project}/token-budgets" if project else "token-budgets", pages, BUDGET)


def _scoped(asked: Session, kind: BudgetScope, target: Target, project: str | None) -> dict[str, str]:
    match kind:
        case "per_story" | "per_epic" | "per_agent":
            per = kind.removeprefix("per_")
            return {"scope_type": "project", "scope_id": project_id(asked, project), "per": per}
        case "project":
            return {"scope_type": kind, "scope_id": project_id(asked, project)}
        case "epic" if target.epic:
            return {"scope_type": kind, "scope_id": epic_id(asked, target.epic, project)}
        case "story" if target.story:
            return {"scope_type": kind, "scope_id": story_id(asked, target.story, project)}
        case "agent" if target.agent:
            return {"scope_type": kind, "scope_id": target.agent}
        case _:
            raise Stop(
                Exit.USAGE,
                f"--scope {kind} of what?",
                OF_WHAT,
            )
