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
from api.changes.rendering import Rendered
from api.changes.schemas import ChangesQuery, ChosenQuery, WatchQuery, read_cursor
from api.changes.stream import Watch, check_room, stream_changes
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.http.endpoints import SentHeaders
from api.projects.routes import project_id_of
from api.services import Provided, Services
from api.times import wire_time
from eventstore.database.transaction import TenantTx
from projections.queries.change_feed import Changes, find_changes, latest_until

TAGS = ["Changes"]
EVENTS = "text/event-stream"
CHANGE: dict[str, Any] = {name: value for name, value in ENTRY.items() if name not in ("old_state", "actor_id")}
EXAMPLE: dict[str, Any] = {"data": [CHANGE], "has_more": False, "next_since": None, "cursor": 41}


@get(
    "/api/v1/changes",
    opt={"access": "any"},
    tags=TAGS,
    summary="List changes",
    description="Oldest first. Go on with after = cursor: positions have no gaps and no ties; times have both.",
    responses=answers(200, "A page of changes", EXAMPLE),
)
async def list_changes(services: Provided, asking: Asker, wanted: NamedDependency[ChangesQuery]) -> Response[bytes]:
    after, since = wanted.start()
    found = wanted.filter(await _project(services, asking, wanted), since)
    async with services.reading(asking.caller.tenant_id) as tx:
        changes = await find_changes(tx, after, found, wanted.most)
        entries = await services.renderer.render(tx, changes.positions)
        later = await _next_since(tx, changes, entries)
    body = _encoded(changes, entries, later)
    return Response(body, media_type="application/json")


@get(
    "/api/v1/changes/stream",
    opt={
        "access": "any",
        "any_accept": True,
        "held_open": True,
        "errors": ("overloaded", "stopping"),
    },
    tags=TAGS,
    summary="Listen to changes",
    description="Server-Sent Events: id is the position, data a change as in the list. Resumes with Last-Event-ID.",
    media_type=EVENTS,
    responses={200: ResponseSpec(bytes, False, "Events, for as long as the stream is open", EVENTS)},
)
async def watch_changes(
    services: Provided, asking: Asker, sent_headers: SentHeaders, wanted: NamedDependency[WatchQuery]
) -> Stream:
    check_room(services, asking.caller.tenant_id)
    given = sent_headers.get(b"last-event-id", b"").decode("latin-1") or wanted.after or None
    watch = Watch(
        asking.caller.tenant_id,
        wanted.filter(await _project(services, asking, wanted)),
        read_cursor(given) if given else None,
    )
    unbuffered = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(stream_changes(services, watch), media_type=EVENTS, headers=unbuffered)


async def _project(services: Services, asking: Asking, wanted: ChosenQuery) -> UUID | None:
    return await project_id_of(services, asking, wanted.project_id) if wanted.project_id else None


async def _next_since(tx: TenantTx, changes: Changes, entries: Sequence[Rendered]) -> str | None:
    """A page that found nothing and was not the last still leads on."""
    if not changes.more:
        return None
    return entries[-1].inserted_at if entries else wire_time(await latest_until(tx, changes.cursor))


def _encoded(changes: Changes, entries: Sequence[Rendered], next_since: str | None) -> bytes:
    """Of entries that are encoded already."""
    return b'{"data":[%b],"has_more":%b,"next_since":%b,"cursor":%d}' % (
        b",".join([entry.body for entry in entries]),
        b"true" if changes.more else b"false",
        b"null" if next_since is None else b'"%b"' % next_since.encode(),
        changes.cursor,
    )


ROUTES: Sequence[HTTPRouteHandler] = (
    list_changes,
    watch_changes,
)
