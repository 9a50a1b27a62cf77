"""What the work has cost, and what it may cost."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from loopctl.cli.asked import Asked
from loopctl.cli.naming import project_id
from loopctl.mcp.arguments import Arguments
from loopctl.mcp.compatible.asking import Count, Id, MaybeName, Name, OfProject, OfStory, asks
from loopctl.mcp.tools import READS, WRITES, Tool


class Usage(OfStory, frozen=True, kw_only=True):
    input_tokens: Count
    output_tokens: Count
    cost_millicents: Count
    model_name: Name
    phase: Literal["planning", "implementing", "reviewing", "other"] | UnsetType = UNSET
    skill_version_id: MaybeName = UNSET
    session_id: MaybeName = UNSET


class Summary(OfProject, frozen=True, kw_only=True):
    breakdown: Literal["agent", "epic", "model"] | UnsetType = UNSET


class Anomalies(Arguments, frozen=True, kw_only=True):
    project_id: MaybeName = UNSET


class Budget(Arguments, frozen=True, kw_only=True):
    scope_type: Literal["project", "epic", "story", "agent"]
    scope_id: Id
    budget_millicents: Count
    alert_threshold_pct: Annotated[float, Meta(ge=0, le=100)] | UnsetType = UNSET


def get_cost_summary(asked: Asked, given: Summary) -> Any:
    project = project_id(asked, given.project_id)
    if given.breakdown is UNSET:
        return asked.client.get(f"analytics/projects/{project}")
    return asked.client.get(f"analytics/{given.breakdown}s", project_id=project)


TOOLS = (
    Tool(
        "report_token_usage", "Report tokens", WRITES, Usage, asks("POST", "token-usage"),
        "Say what a session on a story has used.", key="agent",
    ),
    Tool(
        "get_cost_summary", "Costs", READS, Summary, get_cost_summary,
        "What a project has cost, or each of its agents, epics or models.", key="reads",
    ),
    Tool(
        "get_story_token_usage", "Tokens of a story", READS, OfStory, asks("GET", "stories/{story_id}/token-usage"),
        "The reports of one story.", key="reads",
    ),
    Tool(
        "get_cost_anomalies", "Anomalies", READS, Anomalies, asks("GET", "cost-anomalies"),
        "Stories whose cost is out of the usual.", key="reads",
    ),
    Tool(
        "set_token_budget", "Set a budget", WRITES, Budget, asks("POST", "token-budgets"),
        "Make a budget; an alert comes at a percentage of it.", key="orch",
    ),
)  # fmt: skip
