"""Agents: what each has claimed, and how much of it somebody else confirmed, and at which try."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from api.agents.routes import list_agents_of_tenant
from api.agents.schemas import AgentsQuery
from api.http.asking import Asker
from api.http.endpoints import SentHeaders
from api.services import Provided
from api.stories.reading import list_stories_of_tenant
from api.stories.schemas import StoriesQuery
from api.web.reading import Reader
from api.web.showing import OF_SESSION, ShownQuery, shown, table
from api.web.standing import is_stale

ORCHESTRATORS = {**OF_SESSION, "access": "orchestrator+"}


@get("/app/agents", opt=ORCHESTRATORS, include_in_schema=False, summary="The agents of the tenant")
async def show_agents(
    services: Provided, asking: Asker, sent_headers: SentHeaders, wanted: NamedDependency[ShownQuery]
) -> Response[bytes]:
    reader = Reader(services, asking)
    agents = await reader.all(list_agents_of_tenant, AgentsQuery(page_size=100))
    stories = await reader.all(list_stories_of_tenant, StoriesQuery(limit=500))
    lines = [line(agent, stories, services.utc_now()) for agent in agents]
    if wanted.format != "html":
        return table(lines, wanted.format, "agents")
    return await shown(reader, sent_headers, "agents.html", active="agents", lines=lines)


def line(agent: Mapping[str, Any], stories: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """Of the stories that it has in hand, or had when they were reported."""
    own = [story for story in stories if story["assigned_agent_id"] == agent["id"]]
    verified = [story for story in own if story["verified_status"] == "verified"]
    hours = [each for each in map(_hours, verified) if each is not None]
    return {
        "id": agent["id"], "name": agent["name"], "type": agent["agent_type"], "status": agent["status"],
        "in_hand": sum(story["agent_status"] in ("contracted", "assigned", "implementing") for story in own),
        "stale": sum(is_stale(story, now) for story in own),
        "claimed": sum(story["agent_status"] == "reported_done" for story in own), "verified": len(verified),
        "first_try": sum(story["iteration_count"] <= 1 for story in verified),
        "rejections": sum(max(story["iteration_count"] - 1, 0) for story in own),
        "median_hours": round(median(hours), 1) if hours else None, "last_seen_at": agent["last_seen_at"],
    }  # fmt: skip


def _hours(story: Mapping[str, Any]) -> float | None:
    """From taking it to its confirmation."""
    if not (story["assigned_at"] and story["verified_at"]):
        return None
    taken, confirmed = datetime.fromisoformat(story["assigned_at"]), datetime.fromisoformat(story["verified_at"])
    return (confirmed - taken).total_seconds() / 3600


ROUTES: Sequence[HTTPRouteHandler] = (show_agents,)
