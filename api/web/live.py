"""Pages that move by themselves: told whenever the tenant's log has grown, they look again.

The board has a stream of its own (`board.py`), which brings the picture along.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from msgspec import Meta

from api.changes.stream import check_running
from api.http.asking import Asker
from api.http.query import StrictQuery
from api.services import Provided, Services
from api.web.reading import size_of_log
from api.web.showing import OF_SESSION
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.following.pause import set_within

EVENTS = "text/event-stream"
UNBUFFERED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
SHORTEST_SECONDS = 2.0
"""Between two looks of a page: each counts within the limit of its session's key."""


class LiveQuery(StrictQuery, frozen=True, kw_only=True):
    after: Annotated[int, Meta(ge=0, description="Entries of the log that the page has seen")]


@get(
    "/app/live", opt={**OF_SESSION, "places": "streams"}, include_in_schema=False, media_type=EVENTS,
    summary="Whenever the log has grown",
)  # fmt: skip
async def watch_log(services: Provided, asking: Asker, wanted: NamedDependency[LiveQuery]) -> Stream:
    check_running(services)
    return Stream(growth(services, asking.caller.tenant_id, wanted.after), media_type=EVENTS, headers=UNBUFFERED)


async def growth(services: Services, tenant_id: UUID, size: int) -> AsyncIterator[bytes]:
    """Until its time is over, the process stops or the database is lost: then the browser asks anew."""
    loop, limits, news = asyncio.get_running_loop(), services.limits, services.news
    ends_at, silent_since = loop.time() + limits.stream_seconds, loop.time()
    yield b"retry: 1000\n\n"
    with news.subscribed(tenant_id) as woken:
        while not news.stopping and loop.time() < ends_at:
            woken.clear()
            before = size
            try:
                size = await size_of_log(services, tenant_id)
            except DatabaseUnavailable:
                return
            if size != before:
                yield b"event: changed\ndata: %d\n\n" % size
                await asyncio.sleep(SHORTEST_SECONDS)
            elif loop.time() - silent_since >= limits.heartbeat_seconds:
                yield b": still here\n\n"
            else:
                await set_within(woken, min(limits.stream_poll_seconds, limits.heartbeat_seconds))
                continue
            silent_since = loop.time()


ROUTES: Sequence[HTTPRouteHandler] = (watch_log,)
