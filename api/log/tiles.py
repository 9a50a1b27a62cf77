"""The tenant log as static files (C2SP tlog-tiles): what any cache may keep, and monitors read."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter
from litestar.response import Stream

from api.http.asking import Asker
from api.log.export import export_bundle
from api.services import Provided
from domain.errors import NotFound
from eventstore.heads.cosignatures import with_lines

ARCHIVE = "application/x-tar"
EXPORT_SECONDS = 600.0
BYTES = "application/octet-stream"
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
PRIVATELY = {"Cache-Control": "private, max-age=31536000, immutable"}
SHORTLY = {"Cache-Control": "public, max-age=1"}
OPEN = {"access": "public", "any_accept": True}
TAGS = ["Log"]

TenantId = Annotated[UUID, PathParameter(description="Whose log")]
TilePath = Annotated[str, PathParameter(description="<level>/<index>, with .p/<width> when partial (C2SP tlog-tiles)")]


@get(
    "/t/{tenant_id:uuid}/checkpoint",
    opt=OPEN,
    tags=TAGS,
    summary="The newest head as a signed note",
    description="With a line for each agent that has cosigned it.",
    media_type="text/plain",
)
async def show_checkpoint(services: Provided, tenant_id: TenantId) -> Response[bytes]:
    head, _ = await services.log_reader.head(tenant_id)
    note = with_lines(head, await services.log_reader.cosignatures(tenant_id, head.size))
    return Response(note, media_type="text/plain", headers=SHORTLY)


@get("/t/{tenant_id:uuid}/tile/{rest:path}", opt=OPEN, tags=TAGS, summary="A tile of hashes", media_type=BYTES)
async def show_tile(services: Provided, tenant_id: TenantId, rest: TilePath) -> Response[bytes]:
    data = await services.log_reader.tile(tenant_id, "tile" + rest)
    return Response(data, media_type=BYTES, headers=FOREVER)


@get(
    "/t/{tenant_id:uuid}/tile/entries/{rest:path}",
    opt={"access": "agent+", "any_accept": True},
    tags=TAGS,
    summary="A bundle of entries, with a key of the tenant",
    media_type=BYTES,
)
async def show_bundle(services: Provided, asking: Asker, tenant_id: TenantId, rest: TilePath) -> Response[bytes]:
    if asking.caller.tenant_id != tenant_id:
        raise NotFound("Not found")
    data = await services.log_reader.tile(tenant_id, "tile/entries" + rest)
    return Response(data, media_type=BYTES, headers=PRIVATELY)


@get(
    "/api/v1/audit/export",
    opt={"access": "user+", "any_accept": True, "request_seconds": EXPORT_SECONDS, "places": "exports"},
    tags=TAGS,
    summary="The whole log as one file, to be checked offline",
    description="A tar archive in the form of docs/log-bundle.md, for `loopctl log verify`.",
    media_type=ARCHIVE,
    responses={200: ResponseSpec(bytes, False, "The bundle", ARCHIVE)},
)
async def export_log(services: Provided, asking: Asker) -> Stream:
    tenant_id = asking.caller.tenant_id
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{tenant_id}.tar"'}
    return Stream(export_bundle(services.log_reader, tenant_id), media_type=ARCHIVE, headers=headers)


ROUTES: Sequence[HTTPRouteHandler] = (
    show_checkpoint,
    show_tile,
    show_bundle,
    export_log,
)
