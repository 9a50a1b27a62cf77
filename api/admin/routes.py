"""For superadmins: /api/v1/admin. Every change is an event in the log of the tenant that it concerns."""

from collections.abc import Callable, Sequence
from typing import Any

from litestar import Response, get, patch, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import structs

from api.admin.examples import DETAIL, LISTED, STATS
from api.admin.reading import inside, list_whole, read_stats, read_whole
from api.admin.schemas import TenantsQuery, detail_body, listed_body
from api.commands import Commands, Known, Plan, existing
from api.documentation.responses import answers
from api.http.asking import Asker
from api.pages import page_of
from api.paths import TenantPath
from api.projects.examples import META
from api.services import Services
from api.tenants.changing import change_tenant
from api.tenants.schemas import Beside, UpdateTenantBody
from domain.event import Event, Stream
from domain.tenant import Tenant, activate_tenant, suspend_tenant
from eventstore.log.command import Change, Need

TAGS = ["Administration"]
RETRYABLE = ("idempotency_key_reused",)


def admin_routes(services: Services) -> Sequence[HTTPRouteHandler]:
    return [
        _list(services),
        _show(services),
        _update(services),
        _turn(services, "suspend", "Suspend a tenant", suspend_tenant),
        _turn(services, "activate", "Activate a tenant", activate_tenant),
        _stats(services),
    ]


def _list(services: Services) -> HTTPRouteHandler:
    @get(
        "/api/v1/admin/tenants",
        opt={"access": "=superadmin"},
        tags=TAGS,
        summary="List tenants",
        description="By name, with how much there is in each.",
        responses=answers(200, "A page of tenants", {"data": [LISTED], "meta": META}),
    )
    async def list_tenants(asking: Asker, wanted: NamedDependency[TenantsQuery]) -> dict[str, Any]:  # noqa: ARG001  # only superadmins get here
        page = page_of(wanted)
        found, total = await list_whole(
            services, wanted.chosen_status(), wanted.search or None, page.limit, page.offset
        )
        return page.answer([listed_body(whole) for whole in found], total)

    return list_tenants


def _show(services: Services) -> HTTPRouteHandler:
    @get(
        "/api/v1/admin/tenants/{tenant_id:uuid}",
        opt={"access": "=superadmin"},
        tags=TAGS,
        summary="Show a tenant",
        responses=answers(200, "The tenant", {"tenant": DETAIL}),
    )
    async def show_tenant(asking: Asker, tenant_id: TenantPath) -> dict[str, Any]:  # noqa: ARG001  # only superadmins get here
        return {"tenant": detail_body(await read_whole(services, tenant_id))}

    return show_tenant


def _update(services: Services) -> HTTPRouteHandler:
    commands = Commands(services)

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
        asking: Asker, tenant_id: TenantPath, data: JSONBody[UpdateTenantBody]
    ) -> Response[bytes]:
        whole, here = await read_whole(services, tenant_id), inside(asking, tenant_id)

        def body(tenant: Tenant, beside: Beside) -> dict[str, Any]:
            return {"tenant": detail_body(structs.replace(whole, tenant=tenant, email=beside.email))}

        return await commands.answer(here, await change_tenant(services, here, data, body))

    return update_tenant_of_service


def _turn(services: Services, name: str, summary: str, turn: Callable[[Tenant], Sequence[Event]]) -> HTTPRouteHandler:
    commands = Commands(services)

    async def turn_tenant(asking: Asker, tenant_id: TenantPath) -> Response[bytes]:
        whole, stream, need = (
            await read_whole(services, tenant_id),
            Stream("tenant", tenant_id),
            Need("tenant", tenant_id),
        )

        def decide(known: Known) -> Sequence[Change]:
            return [Change(stream, event) for event in turn(existing(known, need))]

        def answer(known: Known, _: object) -> Any:
            return {"tenant": detail_body(structs.replace(whole, tenant=known[need]))}

        plan = Plan(decide=decide, answer=answer, needs=(need,), streams=(stream,))
        return await commands.carry_out(inside(asking, tenant_id), plan)

    return post(
        f"/api/v1/admin/tenants/{{tenant_id:uuid}}/{name}",
        opt={"access": "=superadmin", "errors": ("rejected", *RETRYABLE)},
        tags=TAGS,
        operation_id=f"{name}_tenant",
        summary=summary,
        description="From the next request of any of its keys on.",
        status_code=200,
        responses=answers(200, "The tenant", {"tenant": DETAIL}),
    )(turn_tenant)


def _stats(services: Services) -> HTTPRouteHandler:
    @get(
        "/api/v1/admin/stats",
        opt={"access": "=superadmin"},
        tags=TAGS,
        summary="Show figures of all tenants",
        responses=answers(200, "The figures", {"stats": STATS}),
    )
    async def show_stats(asking: Asker) -> dict[str, Any]:  # noqa: ARG001  # only superadmins get here
        return {"stats": await read_stats(services)}

    return show_stats
