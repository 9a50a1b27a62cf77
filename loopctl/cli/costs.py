"""What the work costs: token-usage, cost-anomalies, budget (spec 04, sections 7 and 8)."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import App, Parameter

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import epic_id, project_id, project_id_or_none, story_id
from loopctl.cli.options import ANYWHERE, FIRST_PAGE, Flag, Pages, Scope
from loopctl.cli.output import Columns
from loopctl.cli.session import Session, route_of_a_later_version, session
from loopctl.cli.settings import PLANNING, READING
from loopctl.cli.stepping import said
from loopctl.cli.vocabulary import BudgetScope

budget = App(name="budget")

BUDGET: Columns = ("id", "scope_type", "scope_id", "limit_tokens", "budget_millicents", "alert_threshold_pct")


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Target:
    """What a budget is for, besides the project."""

    epic: str | None = None
    story: str | None = None
    agent: str | None = None


WHOLE_PROJECT = Target()
OF_WHAT = "per_story or project; epic, story or agent with --epic, --story or --agent"


def token_usage(
    *, story: str | None = None, by_epic: Flag = False, by_agent: Flag = False, scope: Scope = ANYWHERE
) -> None:
    """Show what a project costs, or a story.

    Parameters
    ----------
    story
        Its number or id: each report of it.
    """
    with session(scope, READING) as asked, route_of_a_later_version("costs"):
        if story is not None:
            asked.show(asked.client.get(f"stories/{story_id(asked, story, scope.project)}/token-usage"))
            return
        id_ = project_id(asked, scope.project)
        if by_epic or by_agent:
            asked.show(asked.client.get(f"analytics/{'epics' if by_epic else 'agents'}", project_id=id_))
        else:
            asked.show(asked.client.get(f"analytics/projects/{id_}"))


def anomalies(*, include_resolved: Flag = False, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE) -> None:
    """List stories that cost far more or less than others."""
    with session(scope, READING) as asked, route_of_a_later_version("costs"):
        query = {"project_id": project_id(asked, scope.project), "include_archived": True if include_resolved else None}
        asked.show_list("cost-anomalies", pages, (), **query)


@budget.command(name="set")
def set_(
    *, scope_type: Annotated[BudgetScope, Parameter(name="--scope")], limit: int | None = None, cost: int | None = None,
    target: Target = WHOLE_PROJECT, scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Set a budget.

    Parameters
    ----------
    limit
        Tokens.
    cost
        Millicents: a thousandth of a cent.
    """
    if limit is None and cost is None:
        raise Stop(Exit.USAGE, "How much?", "--limit TOKENS or --cost MILLICENTS")
    with session(scope, PLANNING) as asked, route_of_a_later_version("budgets"):
        body = said(limit_tokens=limit, budget_millicents=cost, **_scoped(asked, scope_type, target, scope.project))
        asked.show(asked.client.post("token-budgets", body))


@budget.command(name="list")
def list_(*, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE) -> None:
    """List the budgets."""
    with session(scope, READING) as asked, route_of_a_later_version("budgets"):
        asked.show_list("token-budgets", pages, BUDGET, project_id=project_id_or_none(asked, scope.project))


def _scoped(asked: Session, kind: BudgetScope, target: Target, project: str | None) -> dict[str, str]:
    match kind:
        case "per_story":
            return {"scope_type": "project", "scope_id": project_id(asked, project), "applies_to": "per_story"}
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
