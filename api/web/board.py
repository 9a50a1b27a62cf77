"""The board of a project: stories by where they stand, live."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from msgspec import Meta

from api.agents.routes import list_agents_of_tenant
from api.changes.stream import check_running
from api.epics.reading import list_epics_of_project
from api.epics.schemas import EpicsQuery
from api.http.asking import Asker
from api.http.endpoints import SentHeaders
from api.paths import ProjectPath
from api.projects.routes import show_project
from api.services import Provided
from api.stories.reading import list_stories_of_tenant
from api.stories.schemas import StoriesQuery
from api.web.live import EVENTS, UNBUFFERED
from api.web.names import agent_names
from api.web.reading import Reader, size_of_log
from api.web.rendering import html
from api.web.showing import OF_SESSION, ShownQuery, shown, table
from api.web.standing import LANES, TICKS, is_stale, lanes
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.following.pause import set_within

SHORTEST_SECONDS = 0.3
"""Between two pictures of a board that changes all the time."""


class BoardQuery(ShownQuery, frozen=True, kw_only=True):
    epic: Annotated[str, Meta(max_length=40, description="Only stories of this epic")] = ""
    title: Annotated[str, Meta(max_length=200, description="Only those with this in their title")] = ""


@get("/app/projects/{project:str}/board", opt=OF_SESSION, include_in_schema=False, summary="The board of a project")
async def show_board(
    services: Provided,
    asking: Asker,
    sent_headers: SentHeaders,
    project: ProjectPath,
    wanted: NamedDependency[BoardQuery],
) -> Response[bytes]:
    reader = Reader(services, asking)
    values = await board(reader, project, wanted)
    if wanted.format != "html":
        return table(values["stories"], wanted.format, f"stories-{values['project']['slug']}")
    epics = await reader.all(list_epics_of_project, EpicsQuery(page_size=100), project=project)
    return await shown(
        reader, sent_headers, "board.html", **values, epics=epics, active=values["project"]["slug"], tab="board"
    )


@get(
    "/app/projects/{project:str}/board/live",
    opt={**OF_SESSION, "places": "streams"},
    include_in_schema=False,
    media_type=EVENTS,
    summary="The same, whenever it has changed",
)
async def watch_board(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[BoardQuery]
) -> Stream:
    check_running(services)
    reader = Reader(services, asking)
    await reader.read(show_project, project=project)
    return Stream(pictures(reader, project, wanted), media_type=EVENTS, headers=UNBUFFERED)


async def board(reader: Reader, project: str, wanted: BoardQuery) -> dict[str, Any]:
    """What its template takes. Raises NotFound."""
    found = (await reader.read(show_project, project=project))["project"]
    stories = await reader.all(list_stories_of_tenant, StoriesQuery(project_id=found["id"], limit=500))
    chosen = [story for story in stories if _is_wanted(story, wanted)]
    now = reader.services.utc_now()
    return {
        "project": found, "stories": chosen, "total": len(stories), "lanes": lanes(chosen), "titles": LANES,
        "ticks": TICKS, "names": await agent_names(reader), "wanted": wanted, "now": now,
        "stale": {each["id"] for each in chosen if is_stale(each, now)},
    }  # fmt: skip


def _is_wanted(story: Mapping[str, Any], wanted: BoardQuery) -> bool:
    return wanted.epic in ("", story["epic_id"]) and wanted.title.casefold() in story["title"].casefold()


async def pictures(reader: Reader, project: str, wanted: BoardQuery) -> AsyncIterator[bytes]:
    """Until its time is over. Nothing is drawn while the log has not grown, and nothing sent that is as it was."""
    services, loop = reader.services, asyncio.get_running_loop()
    news, limits, tenant_id = services.news, services.limits, reader.asking.caller.tenant_id
    ends_at, silent_since, picture = loop.time() + limits.stream_seconds, loop.time(), b""
    key = (tenant_id, reader.may(list_agents_of_tenant), project, wanted)  # on which everything depends that is drawn

    async def draw() -> bytes:
        return event("board", html("parts/lanes.html", await board(reader, project, wanted)))

    yield b"retry: 1000\n\n"
    with news.subscribed(tenant_id) as woken:
        while not news.stopping and loop.time() < ends_at:
            woken.clear()
            before = picture
            try:
                picture = (await services.drawings.newest(key, partial(size_of_log, services, tenant_id), draw)).content
            except DatabaseUnavailable:
                return
            if picture != before:
                yield picture
            elif loop.time() - silent_since >= limits.heartbeat_seconds:
                yield b": still here\n\n"
            else:
                await set_within(woken, limits.stream_poll_seconds)
                continue
            silent_since = loop.time()
            await asyncio.sleep(SHORTEST_SECONDS)


def event(name: str, content: bytes) -> bytes:
    lines = b"".join(b"data: %b\n" % line for line in content.splitlines() if line)
    return b"event: %b\n%b\n" % (name.encode(), lines)


ROUTES: Sequence[HTTPRouteHandler] = (
    show_board,
    watch_board,
)
