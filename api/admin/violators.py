"""Violators, for superadmins: /api/v1/admin/violators (spec 01, section 4.6)."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from api.admin.reading import inside
from api.commands import carry_out, origin
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.pages import PageQuery, page_of
from api.paths import ViolatorPath
from api.projects.examples import META
from api.services import Provided, Services
from api.times import wire_time
from domain.errors import NotFound
from domain.event import Stream
from domain.violator import ViolationType, Violator, ViolatorStatus, settle_violator
from eventstore.log.command import Change, Command, Known, existing
from projections.rows.violators import VIOLATORS, Which, find_tenant_of, find_violators

TAGS = ["Administration"]
SHOWN: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000071",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "violation_type": "self_verify_blocked",
    "entity_type": "story",
    "entity_id": "0193a2b4-0000-7000-8000-000000000011",
    "discovered_at": "2026-03-27T12:00:00.000000Z",
    "detail": {
        "position": 41, "actor": ["api_key", "0193a2b4-0000-7000-8000-000000000041", "agent-1"],
        "attempted_action": "verify", "agent_id": "0193a2b4-0000-7000-8000-000000000031",
    },
    "status": "pending", "resolved_at": None, "resolution_note": None,
}  # fmt: skip
SETTLED = {**SHOWN, "resolved_at": "2026-03-27T13:00:00.000000Z", "resolution_note": "Spoken to whoever it was"}
SETTLING: dict[str, Any] = {
    "opt": {"access": "=superadmin", "errors": ("idempotency_key_reused",)},
    "tags": TAGS,
    "description": "The note stands in the tenant's log, with who wrote it. It can be said anew.",
    "status_code": 200,
}


Wanted = Literal["pending", "resolved", "ignored", "all"]


class ViolatorsQuery(PageQuery, frozen=True, kw_only=True):
    tenant_id: Annotated[UUID, Meta(description="Only of this tenant.")] | UnsetType = UNSET
    violation_type: Annotated[ViolationType, Meta(description="Only of this kind.")] | UnsetType = UNSET
    status: Annotated[Wanted, Meta(description="Only these; all for every one.")] = "pending"


class SettleBody(Struct, frozen=True):
    note: Annotated[str, Meta(max_length=65_536)] = ""


@get(
    "/api/v1/admin/violators",
    opt={"access": "=superadmin"},
    tags=TAGS,
    summary="List violations of custody that were refused or stopped",
    description="Of all tenants, the newest first. `merge_ready` when none is pending anywhere.",
    responses=answers(200, "A page of them", {"data": [SHOWN], "meta": META, "merge_ready": False}),
)
async def list_violators(services: Provided, wanted: NamedDependency[ViolatorsQuery]) -> dict[str, Any]:
    page, status = page_of(wanted), None if wanted.status == "all" else wanted.status
    which = Which(wanted.tenant_id or None, wanted.violation_type or None, status)
    async with services.reading_names() as tx:
        found, total = await find_violators(tx, which, page.limit, page.offset)
        _, pending = await find_violators(tx, Which(status="pending"), 1, 0)
    return {**page.answer(await _read(services, found), total), "merge_ready": pending == 0}


@post(
    "/api/v1/admin/violators/{violator_id:uuid}/resolve",
    **SETTLING,
    summary="Say that a violation is dealt with",
    responses=answers(200, "The violation", {"data": {**SETTLED, "status": "resolved"}}),
)
async def resolve_violator(
    services: Provided, asking: Asker, violator_id: ViolatorPath, data: JSONBody[SettleBody]
) -> Response[bytes]:
    return await _settle(services, asking, violator_id, ("resolved", data.note))


@post(
    "/api/v1/admin/violators/{violator_id:uuid}/ignore",
    **SETTLING,
    summary="Say that nothing follows from a violation",
    responses=answers(200, "The violation", {"data": {**SETTLED, "status": "ignored"}}),
)
async def ignore_violator(
    services: Provided, asking: Asker, violator_id: ViolatorPath, data: JSONBody[SettleBody]
) -> Response[bytes]:
    return await _settle(services, asking, violator_id, ("ignored", data.note))


async def _settle(
    services: Services, asking: Asking, violator_id: UUID, said: tuple[ViolatorStatus, str]
) -> Response[bytes]:
    """In the log of the tenant that it happened in."""
    async with services.reading_names() as tx:
        tenant_id = await find_tenant_of(tx, violator_id)
    if tenant_id is None:
        raise NotFound("Not found")
    here = inside(asking, tenant_id)
    stream, need = Stream("violator", violator_id), VIOLATORS.need(violator_id)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, event) for event in settle_violator(existing(known, need), *said)]

    command = Command(
        origin=origin(services, here), decide=decide, needs=(need,), streams=(stream,),
        answer=lambda known, _: {"data": _body(tenant_id, existing(known, need))},
    )  # fmt: skip
    return await carry_out(services, here, command)


async def _read(services: Services, found: Sequence[tuple[UUID, UUID]]) -> list[dict[str, Any]]:
    """Tenant by tenant, in the order of ``found``."""
    read: dict[UUID, Violator] = {}
    for tenant_id in dict.fromkeys(tenant_id for tenant_id, _ in found):
        async with services.reading(tenant_id) as tx:
            read |= await VIOLATORS.load(tx, [id_ for whose, id_ in found if whose == tenant_id])
    return [_body(tenant_id, read[id_]) for tenant_id, id_ in found if id_ in read]


def _body(tenant_id: UUID, violator: Violator) -> dict[str, Any]:
    return {
        "id": violator.violator_id, "tenant_id": tenant_id, "violation_type": violator.violation_type,
        "entity_type": violator.entity_type, "entity_id": violator.entity_id,
        "discovered_at": wire_time(violator.discovered_at), "detail": msgspec.Raw(violator.detail.encode()),
        "status": violator.status, "resolved_at": violator.resolved_at and wire_time(violator.resolved_at),
        "resolution_note": violator.resolution_note,
    }  # fmt: skip


ROUTES: Sequence[HTTPRouteHandler] = (list_violators, resolve_violator, ignore_violator)
