"""Agents: what each has claimed, how much of it somebody else confirmed and at which try, and what was refused."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Annotated, Any, Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import UNSET, Meta, Struct

from api.agents.routes import list_agents_of_tenant
from api.agents.schemas import AgentsQuery
from api.audit.names import Action
from api.audit.routes import list_audit
from api.audit.schemas import TrailQuery
from api.http.asking import Asker
from api.http.endpoints import SentHeaders
from api.projects.routes import list_projects_of_tenant
from api.projects.schemas import ProjectsQuery
from api.services import Provided
from api.stories.reading import list_stories_of_tenant
from api.stories.schemas import StoriesQuery
from api.web.names import Names
from api.web.reading import Reader
from api.web.showing import OF_SESSION, ShownQuery, shown, table
from api.web.standing import is_stale
from domain.errors import NotFound

ORCHESTRATORS = {**OF_SESSION, "access": "orchestrator+"}
IN_HAND = ("contracted", "assigned", "implementing")
REFUSALS = {
    "self_report_blocked": "report its own work", "self_review_blocked": "review its own work",
    "self_verify_blocked": "judge its own work",
}  # fmt: skip
"""Kinds of refusal, and what was tried."""

Rows = Sequence[Mapping[str, Any]]


class ShownAgentsQuery(ShownQuery, frozen=True, kw_only=True):
    project: Annotated[str, Meta(max_length=100, description="Slug: only by stories of this project")] = ""
    type: Annotated[Literal["", "implementer", "orchestrator"], Meta(description="Only such agents")] = ""
    table: Annotated[Literal["agents", "refusals"], Meta(description="Which of the tables, as JSON or CSV")] = "agents"


class Record(Struct, frozen=True):
    """What is known of the work: stories as they stand, and what the audit trail has of those that were given back."""

    stories: Rows
    resets: Rows
    """A rejection that gave its story back: it names who had it."""
    refused: Rows
    now: datetime


@get("/app/agents", opt=ORCHESTRATORS, include_in_schema=False, summary="The agents of the tenant")
async def show_agents(
    services: Provided, asking: Asker, sent_headers: SentHeaders, wanted: NamedDependency[ShownAgentsQuery]
) -> Response[bytes]:
    reader = Reader(services, asking)
    projects = await reader.all(list_projects_of_tenant, ProjectsQuery(page_size=100))
    if wanted.project and wanted.project not in {each["slug"] for each in projects}:
        raise NotFound("Not found")
    every = await reader.all(list_agents_of_tenant, AgentsQuery(page_size=100))
    agents = [each for each in every if wanted.type in ("", each["agent_type"])]
    work = await _record(reader, wanted.project)
    lines = [line(agent, work) for agent in agents]
    refusals = refused(work.refused, Names({each["id"]: each["name"] for each in every}), {a["id"] for a in agents})
    if wanted.format != "html":
        return table(lines if wanted.table == "agents" else refusals, wanted.format, wanted.table)
    return await shown(
        reader, sent_headers, "agents.html", active="agents", lines=lines, sums=sums(lines), refusals=refusals,
        kinds=REFUSALS, wanted=wanted, projects=projects,
    )  # fmt: skip


async def _record(reader: Reader, project: str) -> Record:
    stories = await reader.all(list_stories_of_tenant, StoriesQuery(limit=500, project_id=project or UNSET))

    async def trail(action: Action) -> Rows:
        return await reader.all(list_audit, TrailQuery(action=action, project_id=project or UNSET, page_size=100))

    return Record(stories, await trail("auto_reset"), await trail("custody_violation"), reader.services.utc_now())


def line(agent: Mapping[str, Any], work: Record) -> dict[str, Any]:
    """Of the stories that it has in hand, or had when they were judged."""
    own = [story for story in work.stories if story["assigned_agent_id"] == agent["id"]]
    verified = [story for story in own if story["verified_status"] == "verified"]
    at_once = sum(story["iteration_count"] <= 1 for story in verified)
    kept = [story for story in own if story["verified_status"] == "rejected"]
    given_back = [each for each in work.resets if _whose(each) == agent["id"]]
    firsts = {each["entity_id"]: each for each in sorted(work.resets, key=_newest_first)}.values()
    failed = sum(_whose(each) == agent["id"] for each in firsts) + sum(each["iteration_count"] == 1 for each in kept)
    hours = [each for each in map(_hours, verified) if each is not None]
    return {
        "id": agent["id"], "name": agent["name"], "type": agent["agent_type"], "status": agent["status"],
        "in_hand": sum(story["agent_status"] in IN_HAND for story in own),
        "stale": sum(is_stale(story, work.now) for story in own),
        "claimed": sum(story["agent_status"] == "reported_done" for story in own), "verified": len(verified),
        "first_pass": at_once, "judged_first": at_once + failed, "rejections": len(given_back) + len(kept),
        "refused": sum(each["metadata"]["agent_id"] == agent["id"] for each in work.refused),
        "median_hours": round(median(hours), 1) if hours else None, "last_seen_at": last_seen(agent, own, work.refused),
    }  # fmt: skip


def last_seen(agent: Mapping[str, Any], own: Rows, attempts: Rows) -> str | None:
    """The newest of what is known: its last request, which is stamped late, and what the log has it do."""
    acts = [story[name] for story in own for name in ("assigned_at", "review_requested_at")]
    acts += [each["inserted_at"] for each in attempts if each["metadata"]["agent_id"] == agent["id"]]
    return max((each for each in (agent["last_seen_at"], *acts) if each), default=None)


def sums(lines: Rows) -> dict[str, Any]:
    """Of all of them; the cycle time is the middle one of the agents' own."""
    names = ("claimed", "verified", "first_pass", "judged_first", "rejections", "refused", "in_hand")
    hours = [each["median_hours"] for each in lines if each["median_hours"] is not None]
    return {**{name: sum(each[name] for each in lines) for name in names}, "hours": median(hours) if hours else None}


def refused(entries: Rows, names: Mapping[str, str], shown_ids: set[str]) -> list[dict[str, Any]]:
    """By agent and kind, the most first. A key without an agent is named by the entry."""
    counts, last = Counter[tuple[str, str, str]](), dict[tuple[str, str, str], str]()
    for each in entries:
        agent, code = each["metadata"]["agent_id"], each["metadata"]["code"]
        if agent is None or agent in shown_ids:
            which = (agent or "", names[agent] if agent else each["actor_label"] or each["actor_type"], code)
            counts[which] += 1
            last[which] = max(last.get(which, ""), each["inserted_at"])
    return [
        {"agent_id": which[0] or None, "agent": which[1], "kind": which[2], "tried_to": REFUSALS.get(which[2], ""),
         "times": times, "last_at": last[which]}
        for which, times in counts.most_common()
    ]  # fmt: skip


def _whose(reset: Mapping[str, Any]) -> Any:
    return reset["old_state"]["assigned_agent_id"]


def _newest_first(entry: Mapping[str, Any]) -> int:
    """So that the oldest of a story is the last, and stays."""
    return -int(entry["position"])


def _hours(story: Mapping[str, Any]) -> float | None:
    """From taking it to its confirmation."""
    if not (story["assigned_at"] and story["verified_at"]):
        return None
    taken, confirmed = datetime.fromisoformat(story["assigned_at"]), datetime.fromisoformat(story["verified_at"])
    return (confirmed - taken).total_seconds() / 3600


ROUTES: Sequence[HTTPRouteHandler] = (show_agents,)
