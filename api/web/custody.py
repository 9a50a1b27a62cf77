"""Custody: the log of the tenant to look through, and what a browser needs to check it by itself."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter
from litestar.response import Stream
from msgspec import UNSET, Meta, UnsetType

from api.audit.routes import list_audit
from api.audit.schemas import TrailQuery
from api.http.asking import Asker
from api.http.endpoints import SentHeaders
from api.http.query import StrictQuery
from api.log.export import export_bundle
from api.log.tiles import ARCHIVE, EXPORT_SECONDS
from api.services import Provided, Services
from api.web.inclusion import ladder
from api.web.reading import Reader
from api.web.rendering import NO_STORE
from api.web.showing import OF_SESSION, ShownQuery, shown, table
from domain.errors import Invalid
from eventstore.heads.checkpoints import StoredHead
from eventstore.heads.cosignatures import with_lines
from loopctl.tlog.checkpoint import parse_checkpoint
from loopctl.tlog.note import parse_note
from loopctl.tlog.receipt import parse_receipt
from loopctl.tlog.spelling import base64_text

ORCHESTRATORS = {**OF_SESSION, "access": "orchestrator+"}
A_PAGE = 25
ENTITIES = ("story", "epic", "project", "agent", "api_key", "tenant", "dispatch", "webhook")

Text = Annotated[str, Meta(max_length=255)]
Size = Annotated[int, Meta(ge=1, description="Entries of the head, or of the next one that was signed")]


class EntriesQuery(ShownQuery, frozen=True, kw_only=True):
    action: Annotated[Text, Meta(description="Only what this was done by")] = ""
    entity_type: Annotated[Text, Meta(description="Only what happened to such")] = ""
    entity_id: Annotated[Text, Meta(description="Only what happened to this one")] = ""
    page: Annotated[int, Meta(ge=1, le=10_000, description="Page, from 1")] = 1
    position: Annotated[int, Meta(ge=0, description="Goes to this entry")] | UnsetType = UNSET


class HeadsQuery(StrictQuery, frozen=True, kw_only=True):
    first: Size
    second: Size


@get("/app/custody", opt=ORCHESTRATORS, include_in_schema=False, summary="The entries of the log, newest first")
async def show_entries(
    services: Provided, asking: Asker, sent_headers: SentHeaders, wanted: NamedDependency[EntriesQuery]
) -> Response[bytes]:
    if wanted.position is not UNSET:
        return Response(b"", status_code=303, headers={"Location": f"/app/custody/entries/{wanted.position}"})
    reader = Reader(services, asking)
    query: Any = TrailQuery(
        page=wanted.page, page_size=A_PAGE, action=wanted.action or UNSET, entity_type=wanted.entity_type or UNSET,
        entity_id=_id(wanted.entity_id),
    )  # fmt: skip
    found = await reader.read(list_audit, wanted=query)
    if wanted.format != "html":
        return table(found["data"], wanted.format, "entries")
    newest = await services.log_reader.whole_head(asking.caller.tenant_id)
    return await shown(
        reader, sent_headers, "custody.html", active="custody", entries=found["data"], meta=found["meta"],
        wanted=wanted, entities=ENTITIES, may_export=reader.may(export_to_browser),
        head=await _head(services, asking.caller.tenant_id, newest),
    )  # fmt: skip


@get(
    "/app/custody/entries/{position:int}", opt=ORCHESTRATORS, include_in_schema=False,
    summary="An entry: its bytes, its hash, its way to the root",
)  # fmt: skip
async def show_entry(
    services: Provided,
    asking: Asker,
    sent_headers: SentHeaders,
    position: Annotated[int, PathParameter(description="Place of the entry in the log")],
) -> Response[bytes]:
    tenant_id, log = asking.caller.tenant_id, services.log_reader
    raw = await log.receipt(tenant_id, position)
    (stored,), _ = await log.entries(tenant_id, position - 1, 1)
    receipt = parse_receipt(raw)
    head = parse_checkpoint(parse_note(receipt.checkpoint).text)
    return await shown(
        Reader(services, asking), sent_headers, "custody_entry.html", active="custody", position=position,
        entry=msgspec.json.decode(stored.entry), text=stored.entry.decode(), size=head.size,
        ladder=ladder(position, head.size, stored.leaf_hash, receipt.path), keys=await _keys(services, tenant_id),
        leaf=base64_text(stored.leaf_hash), root=base64_text(head.root), receipt=base64_text(raw),
        raw=base64_text(stored.entry), note=receipt.checkpoint.decode(),
    )  # fmt: skip


@get(
    "/app/custody/heads", opt=ORCHESTRATORS, include_in_schema=False,
    summary="Two heads, and the proof that one goes on from the other",
)  # fmt: skip
async def show_heads(
    services: Provided, asking: Asker, sent_headers: SentHeaders, wanted: NamedDependency[HeadsQuery]
) -> Response[bytes]:
    tenant_id, log = asking.caller.tenant_id, services.log_reader
    if wanted.first > wanted.second:
        raise Invalid(second="must not be smaller than first")
    await log.whole_head(tenant_id)
    (older, _), (newer, _) = await log.head(tenant_id, wanted.first), await log.head(tenant_id, wanted.second)
    _, proof = await log.consistency(tenant_id, older.size, newer.size)
    return await shown(
        Reader(services, asking), sent_headers, "custody_heads.html", active="custody",
        heads=[await _head(services, tenant_id, each) for each in (older, newer)], proof=[*map(base64_text, proof)],
        keys=await _keys(services, tenant_id),
    )  # fmt: skip


@get(
    "/app/custody/export",
    opt={**OF_SESSION, "access": "user+", "request_seconds": EXPORT_SECONDS, "places": "exports"},
    include_in_schema=False,
    summary="The whole log, for the browser that checks it",
)
async def export_to_browser(services: Provided, asking: Asker) -> Stream:
    headers = {**NO_STORE, "Content-Disposition": f'attachment; filename="{asking.caller.tenant_id}.tar"'}
    bundle = export_bundle(services.log_reader, asking.caller.tenant_id)
    return Stream(bundle, media_type=ARCHIVE, headers=headers)


async def _head(services: Services, tenant_id: UUID, head: StoredHead) -> Mapping[str, Any]:
    """With the lines of the agents that have cosigned it."""
    cosigned = await services.log_reader.cosignatures(tenant_id, head.size)
    note = with_lines(head, cosigned)
    return {
        "size": head.size, "root": base64_text(head.root), "signed_at": head.signed_at, "note": note.decode(),
        "raw": base64_text(note), "lines": [f"{line.name} ({line.key_id.hex()})" for line in parse_note(note).lines],
        "cosigned": [{"agent_id": each.agent_id, "at": each.at} for each in cosigned],
        "cosigners": msgspec.json.encode([each.vkey for each in cosigned]).decode(),
    }  # fmt: skip


async def _keys(services: Services, tenant_id: UUID) -> str:
    """As the verifier of the browser takes them."""
    keys = await services.log_reader.keys(tenant_id)
    told = [{"vkey": each.key.text(), "firstSize": each.first_size, "lastSize": each.last_size} for each in keys]
    return msgspec.json.encode(told).decode()


def _id(text: str) -> UUID | UnsetType:
    if not text:
        return UNSET
    try:
        return UUID(text)
    except ValueError:
        raise Invalid(entity_id="must be an id, as the entries show them") from None


ROUTES: Sequence[HTTPRouteHandler] = (show_entries, show_entry, show_heads, export_to_browser)
