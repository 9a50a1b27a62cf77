"""The first page behind the login: every project at one glance, and what waits."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from api.audit.routes import list_audit
from api.audit.schemas import TrailQuery
from api.costs.analytics import show_model_costs
from api.costs.analytics_schemas import CostsQuery
from api.http.asking import Asker
from api.http.endpoints import SentHeaders
from api.projects.routes import list_projects_of_tenant
from api.projects.schemas import ProjectsQuery
from api.services import Provided
from api.stories.reading import list_stories_of_tenant
from api.stories.schemas import StoriesQuery
from api.web.reading import Reader
from api.web.showing import OF_SESSION, ShownQuery, shown, table
from api.web.standing import burn_up, is_stale, lane_of
from api.web.waiting import waiting
from eventstore.heads.checkpoints import StoredHead

MOST_WAITING = 6
MOST_RECENT = 10


@get("/app", opt=OF_SESSION, include_in_schema=False, summary="The overview")
async def show_overview(
    services: Provided, asking: Asker, sent_headers: SentHeaders, wanted: NamedDependency[ShownQuery]
) -> Response[bytes]:
    reader = Reader(services, asking)
    projects = await reader.all(list_projects_of_tenant, ProjectsQuery(page_size=100))
    stories = await reader.all(list_stories_of_tenant, StoriesQuery(limit=500))
    lines = [_line(project, stories) for project in projects]
    if wanted.format != "html":
        return table(lines, wanted.format, "projects")
    now = services.utc_now()
    waits = await waiting(reader)
    recent = await _recent(reader)
    refused = await _refused(reader)
    spent, head = await _spent(reader), await _head(reader)
    claimed = sum(lane_of(story) in ("reported", "verified") for story in stories)
    return await shown(
        reader, sent_headers, "overview.html", active="overview", lines=lines, total=len(stories), claimed=claimed,
        verified=sum(lane_of(story) == "verified" for story in stories), burn=burn_up(stories, now),
        stale=sum(is_stale(story, now) for story in stories), waits=waits[:MOST_WAITING], waiting=len(waits),
        spent=spent, head=head, recent=recent, refused=refused,
        titles={story["id"]: f"{story['number']} {story['title']}" for story in stories},
    )  # fmt: skip


def _line(project: Mapping[str, Any], stories: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    own = [lane_of(story) for story in stories if story["project_id"] == project["id"]]
    counts = {lane: own.count(lane) for lane in ("pending", "contracted", "implementing", "reported", "verified")}
    return {"slug": project["slug"], "name": project["name"], "stories": len(own), **counts}


async def _spent(reader: Reader) -> int:
    """Of the whole tenant, in millicents."""
    models = await reader.all(show_model_costs, CostsQuery(page_size=100))
    return sum(each["total_cost_millicents"] for each in models)


async def _head(reader: Reader) -> StoredHead | None:
    """The newest that was signed; None before the first."""
    if not reader.may(list_audit):
        return None
    newest, _ = await reader.services.log_reader.head(reader.asking.caller.tenant_id)
    return newest


async def _recent(reader: Reader) -> Sequence[Any]:
    """For those who may see it."""
    if not reader.may(list_audit):
        return []
    found: Sequence[Any] = (await reader.read(list_audit, wanted=TrailQuery(page_size=MOST_RECENT)))["data"]
    return found


async def _refused(reader: Reader) -> int:
    """How often somebody tried to confirm own work; 0 for those who may not see it."""
    if not reader.may(list_audit):
        return 0
    found = await reader.read(list_audit, wanted=TrailQuery(action="custody_violation", page_size=1))
    count: int = found["meta"]["total_count"]
    return count


ROUTES: Sequence[HTTPRouteHandler] = (show_overview,)
