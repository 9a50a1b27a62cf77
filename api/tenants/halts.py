"""The way out of a halt of custody: a person of the tenant, or a superadmin, says that it may go on, and why."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta, Struct

from api.commands import carry_out, origin
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.services import Provided, Services
from domain.event import Stream
from domain.tenant import clear_halt
from eventstore.log.command import Change, Command, Known, existing
from projections.rows.tenants import TENANTS

CLEARED = {"id": "0193a2b4-0000-7000-8000-000000000001", "custody_halted_at": None, "status": "halt_cleared"}
CLEARING: dict[str, Any] = {
    "description": "The reason stands in an event. Nothing happens when nothing is halted. The proofs stay.",
    "status_code": 200,
    "responses": answers(200, "The tenant", {"data": CLEARED}),
}


class ClearHaltBody(Struct, frozen=True):
    reason: Annotated[str, Meta(max_length=65_536)] = ""


@post(
    "/api/v1/tenants/me/clear-halt",
    opt={"access": "user+", "custody": True, "way_out": True, "fresh": True, "errors": ("idempotency_key_reused",)},
    tags=["Tenants"],
    operation_id="clear_own_halt",
    summary="Let custody of the caller's tenant go on",
    **CLEARING,
)
async def clear_own_halt(services: Provided, asking: Asker, data: JSONBody[ClearHaltBody]) -> Response[bytes]:
    return await cleared(services, asking, data)


async def cleared(services: Services, asking: Asking, data: ClearHaltBody) -> Response[bytes]:
    tenant_id = asking.caller.tenant_id
    stream, need = Stream("tenant", tenant_id), TENANTS.need(tenant_id)

    def decide(known: Known) -> Sequence[Change]:
        tenant = existing(known, need)
        return [Change(stream, event) for event in clear_halt(tenant, data.reason)]

    def answer(*_: object) -> Any:
        return {"data": {**CLEARED, "id": tenant_id}}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=(need,), streams=(stream,)
    )  # fmt: skip
    return await carry_out(services, asking, command)


ROUTES: Sequence[HTTPRouteHandler] = (clear_own_halt,)
