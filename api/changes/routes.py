"""The change feed: pages to poll, and a stream to listen to."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.response import Stream

from api.audit.examples import ENTRY
from api.changes.paging import Page, within_the_log
from api.changes.schemas import ChangesQuery, ChosenQuery, Start, WatchQuery, read_cursor, time_with_place
from api.changes.stream import Watch, check_running, stream_changes
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.http.endpoints import SentHeaders
from api.http.refusal import Refused
from api.projects.routes import check_there, project_id_of
from api.services import Provided, Services
from projections.queries.change_feed import BeyondTheLog, find_changes, log_size

TAGS = ["Changes"]
EVENTS = "text/event-stream"
CHANGE: dict[str, Any] = {name: value for name, value in ENTRY.items() if name not in ("old_state", "actor_id")}
NEXT = time_with_place(ENTRY["inserted_at"], 41)
EXAMPLE: dict[str, Any] = {"data": [CHANGE], "has_more": False, "next_since": NEXT, "cursor": 41}


@get(
    "/api/v1/changes",
    opt={"access": "any"},
    tags=TAGS,
    summary="List changes",
    description="Oldest first. Go on with cursor = cursor, or with since = next_since, sent back as it is: both name "
    "the same place in the log, and miss nothing. Times alone do not: entries share them.",
    responses=answers(200, "A page of changes", EXAMPLE),
)
async def list_changes(services: Provided, asking: Asker, wanted: NamedDependency[ChangesQuery]) -> Response[bytes]:
    start = wanted.start()
    if start is None:
        raise Refused("bad_request", "Say where to begin: either since, or after (cursor means the same)")
    found = wanted.filter(await _project(services, asking, wanted), start.since)
    async with services.reading(asking.caller.tenant_id) as tx:
        with within_the_log(start.after):
            changes = await find_changes(tx, start.after, found, wanted.most)
        page = await Page.read(services.renderer, tx, changes, payloads=wanted.payloads)
    if not page.entries:
        await check_there(services, asking, found.project_id)
    return Response(page.encoded(start.since), media_type="application/json")


@get(
    "/api/v1/changes/stream",
    opt={
        "access": "any",
        "any_accept": True,
        "places": "streams",
        "errors": ("overloaded", "stopping"),
    },
    tags=TAGS,
    summary="Listen to changes",
    description="Server-Sent Events: id is the position, data a change as in the list. Resumes with Last-Event-ID, "
    "which goes before the query.",
    media_type=EVENTS,
    responses={200: ResponseSpec(bytes, False, "Events, for as long as the stream is open", EVENTS)},
)
async def watch_changes(
    services: Provided, asking: Asker, sent_headers: SentHeaders, wanted: NamedDependency[WatchQuery]
) -> Stream:
    tenant_id = asking.caller.tenant_id
    check_running(services)
    last = sent_headers.get(b"last-event-id", b"").decode("latin-1")
    start = Start(after=read_cursor(last)) if last else wanted.start()
    found = wanted.filter(await _project(services, asking, wanted), start.since if start else None)
    await check_there(services, asking, found.project_id)
    async with services.reading(tenant_id) as tx:
        end = await log_size(tx) - 1
    after = start.after if start else end
    with within_the_log(after):
        if after > end:
            raise BeyondTheLog(end + 1)
    unbuffered = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(stream_changes(services, Watch(tenant_id, found, after)), media_type=EVENTS, headers=unbuffered)


async def _project(services: Services, asking: Asking, wanted: ChosenQuery) -> UUID | None:
    return await project_id_of(services, asking, wanted.project_id) if wanted.project_id else None


ROUTES: Sequence[HTTPRouteHandler] = (
    list_changes,
    watch_changes,
)
