"""For superadmins: /api/v1/admin. Every change is an event in the log of the tenant that it concerns."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from litestar import Response, get, patch, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import structs

from api.admin.examples import DETAIL, LISTED, STATS
from api.admin.reading import inside, list_whole, read_stats, read_whole
from api.admin.schemas import TenantsQuery, detail_body, listed_body
from api.commands import carry_out, origin, written
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.pages import page_of
from api.paths import TenantPath
from api.projects.examples import META
from api.services import Provided, Services
from api.tenants.changing import change_tenant
from api.tenants.halts import CLEARING, ClearHaltBody, cleared
from api.tenants.schemas import Beside, UpdateTenantBody
from domain.event import Event, Stream
from domain.recovery import cancel_recovery, recovery_stream
from domain.tenant import Tenant, activate_tenant, suspend_tenant
from eventstore.log.command import Change, Command, Known, existing
from projections.rows.recoveries import RECOVERIES
from projections.rows.tenants import TENANTS

TAGS = ["Administration"]
RETRYABLE = ("idempotency_key_reused",)
TURNING: dict[str, Any] = {
    "opt": {"access": "=superadmin", "errors": ("rejected", *RETRYABLE)},
    "tags": TAGS,
    "description": "From the next request of any of its keys on.",
    "status_code": 200,
    "responses": answers(200, "The tenant", {"tenant": DETAIL}),
}


@get(
    "/api/v1/admin/tenants",
    opt={"access": "=superadmin"},
    tags=TAGS,
    summary="List tenants",
    description="By name, with how much there is in each.",
    responses=answers(200, "A page of tenants", {"data": [LISTED], "meta": META}),
)
async def list_tenants(services: Provided, wanted: NamedDependency[TenantsQuery]) -> dict[str, Any]:
    page = page_of(wanted)
    found, total = await list_whole(services, wanted.status or None, wanted.search or None, page.limit, page.offset)
    return page.answer([listed_body(whole) for whole in found], total)


@get(
    "/api/v1/admin/tenants/{tenant_id:uuid}",
    opt={"access": "=superadmin"},
    tags=TAGS,
    summary="Show a tenant",
    responses=answers(200, "The tenant", {"tenant": DETAIL}),
)
async def show_tenant(services: Provided, tenant_id: TenantPath) -> dict[str, Any]:
    return {"tenant": detail_body(await read_whole(services, tenant_id))}


@patch(
    "/api/v1/admin/tenants/{tenant_id:uuid}",
    opt={"access": "=superadmin", "errors": ("forbidden", *RETRYABLE)},
    tags=TAGS,
    summary="Change a tenant",
    description=(
        "As a tenant's user may, with limits up to the service's own. What would weaken the tenant's custody is "
        "refused: that takes a user key of the tenant."
    ),
    responses=answers(200, "The tenant", {"tenant": DETAIL}),
)
async def update_tenant_of_service(
    services: Provided, asking: Asker, tenant_id: TenantPath, data: JSONBody[UpdateTenantBody]
) -> Response[bytes]:
    whole, here = await read_whole(services, tenant_id), inside(asking, tenant_id)

    def body(tenant: Tenant, beside: Beside) -> dict[str, Any]:
        return {"tenant": detail_body(structs.replace(whole, tenant=tenant, email=beside.email))}

    return await written(services, here, await change_tenant(services, here, data, body))


@get(
    "/api/v1/admin/stats",
    opt={"access": "=superadmin"},
    tags=TAGS,
    summary="Show figures of all tenants",
    responses=answers(200, "The figures", {"stats": STATS}),
)
async def show_stats(services: Provided) -> dict[str, Any]:
    return {"stats": await read_stats(services)}


@post(
    "/api/v1/admin/tenants/{tenant_id:uuid}/suspend",
    **TURNING,
    operation_id="suspend_tenant",
    summary="Suspend a tenant",
)
async def suspend_tenant_of_service(services: Provided, asking: Asker, tenant_id: TenantPath) -> Response[bytes]:
    return await _turn(services, asking, tenant_id, suspend_tenant, ends_recovery=True)


@post(
    "/api/v1/admin/tenants/{tenant_id:uuid}/activate",
    **TURNING,
    operation_id="activate_tenant",
    summary="Activate a tenant",
)
async def activate_tenant_of_service(services: Provided, asking: Asker, tenant_id: TenantPath) -> Response[bytes]:
    return await _turn(services, asking, tenant_id, activate_tenant)


@post(
    "/api/v1/admin/tenants/{tenant_id:uuid}/clear-halt",
    opt={"access": "=superadmin", "errors": RETRYABLE},
    tags=TAGS,
    operation_id="clear_halt",
    summary="Let custody of a tenant go on",
    **CLEARING,
)
async def clear_halt_of_service(
    services: Provided, asking: Asker, tenant_id: TenantPath, data: JSONBody[ClearHaltBody]
) -> Response[bytes]:
    await read_whole(services, tenant_id)
    return await cleared(services, inside(asking, tenant_id), data)


async def _turn(
    services: Services,
    asking: Asking,
    tenant_id: UUID,
    turn: Callable[[Tenant], Sequence[Event]],
    *,
    ends_recovery: bool = False,
) -> Response[bytes]:
    whole, here = await read_whole(services, tenant_id), inside(asking, tenant_id)
    stream, need = Stream("tenant", tenant_id), TENANTS.need(tenant_id)
    recovering, at = recovery_stream(tenant_id), services.utc_now()
    recovery = RECOVERIES.need(recovering.id)

    def decide(known: Known) -> Sequence[Change]:
        changes = [Change(stream, event) for event in turn(existing(known, need))]
        found = known[recovery] if ends_recovery else None
        if found is not None and found.goes_on(at):
            changes.append(Change(recovering, cancel_recovery(found, "suspension", at)))
        return changes

    def answer(known: Known, _: object) -> Any:
        return {"tenant": detail_body(structs.replace(whole, tenant=existing(known, need)))}

    command = Command(
        origin=origin(services, here), decide=decide, answer=answer, needs=(need, recovery),
        streams=(stream, recovering),
    )  # fmt: skip
    return await carry_out(services, here, command)


ROUTES: Sequence[HTTPRouteHandler] = (
    list_tenants,
    show_tenant,
    update_tenant_of_service,
    suspend_tenant_of_service,
    activate_tenant_of_service,
    clear_halt_of_service,
    show_stats,
)
