"""The change feed: pages to poll, and a stream to listen to."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.response import Stream
from msgspec import UNSET

from api.audit.examples import ENTRY
from api.changes.rendering import Rendered, Renderer
from api.changes.schemas import ChangesQuery, read_cursor
from api.changes.stream import Watch, check_room, stream_changes
from api.documentation.responses import answers
from api.http.asking import Asker, Asking, asking_of
from api.projects.routes import project_id_of
from api.services import Services
from api.times import wire_time
from eventstore.database.transaction import TenantTx
from projections.queries.change_feed import Changes, find_changes, latest_until

TAGS = ["Changes"]
EVENTS = "text/event-stream"
CHANGE: dict[str, Any] = {name: value for name, value in ENTRY.items() if name not in ("old_state", "actor_id")}
EXAMPLE: dict[str, Any] = {"data": [CHANGE], "has_more": False, "next_since": None, "cursor": 41}

Only = Annotated[str | None, QueryParameter(description="Only of this kind, such as story.")]
OnlyAction = Annotated[str | None, QueryParameter(description="Only this, such as status_changed.")]
OnlyProject = Annotated[str | None, QueryParameter(description="Only of the project with this id or slug.")]
After = Annotated[
    str | None, QueryParameter(description="Position of the last entry that you have; default the newest.")
]


def change_routes(services: Services) -> Sequence[HTTPRouteHandler]:
    renderer = Renderer(services.codec)
    return [_list(services, renderer), _stream(services, renderer)]


def _list(services: Services, renderer: Renderer) -> HTTPRouteHandler:
    @get(
        "/api/v1/changes",
        opt={"access": "any"},
        tags=TAGS,
        summary="List changes",
        description="Oldest first. Go on with after = cursor: positions have no gaps and no ties; times have both.",
        responses=answers(200, "A page of changes", EXAMPLE),
    )
    async def list_changes(asking: Asker, wanted: NamedDependency[ChangesQuery]) -> Response[bytes]:
        after, since = wanted.start()
        found = wanted.filter(await _project(services, asking, wanted), since)
        async with services.reading(asking.caller.tenant_id) as tx:
            changes = await find_changes(tx, after, found, wanted.most)
            entries = await renderer.render(tx, changes.positions)
            later = await _next_since(tx, changes, entries)
        body = _encoded(changes, entries, later)
        return Response(body, media_type="application/json")

    return list_changes


def _stream(services: Services, renderer: Renderer) -> HTTPRouteHandler:
    @get(
        "/api/v1/changes/stream",
        opt={
            "access": "any",
            "any_accept": True,
            "held_open": True,
            "request_seconds": services.limits.stream_seconds + 30,
            "errors": ("overloaded", "stopping"),
        },
        tags=TAGS,
        summary="Listen to changes",
        description="Server-Sent Events: id is the position, data a change as in the list. Resumes with Last-Event-ID.",
        media_type=EVENTS,
        responses={200: ResponseSpec(bytes, False, "Events, for as long as the stream is open", EVENTS)},
    )
    async def watch_changes(
        request: Request[Any, Any, Any],
        after: After = None,
        project_id: OnlyProject = None,
        entity_type: Only = None,
        action: OnlyAction = None,
    ) -> Stream:
        asking = asking_of(request)
        wanted = ChangesQuery(project_id=project_id or UNSET, entity_type=entity_type or UNSET, action=action or UNSET)
        check_room(services, asking.caller.tenant_id)
        given = request.headers.get("last-event-id") or after
        watch = Watch(
            asking.caller.tenant_id,
            wanted.filter(await _project(services, asking, wanted)),
            read_cursor(given) if given else None,
        )
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return Stream(stream_changes(services, renderer, watch), media_type=EVENTS, headers=headers)

    return watch_changes


async def _project(services: Services, asking: Asking, wanted: ChangesQuery) -> UUID | None:
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
