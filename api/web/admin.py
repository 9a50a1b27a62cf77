"""For superadmins: every tenant and how it stands, what was tried against custody, and how the service is."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import UNSET, Meta

from api.admin.routes import list_tenants, show_stats, show_tenant
from api.admin.schemas import TenantsQuery
from api.admin.violators import ViolatorsQuery, list_violators
from api.health.routes import health
from api.http.asking import Asker
from api.http.endpoints import SentHeaders
from api.paths import TenantPath
from api.services import Provided
from api.web.reading import Reader
from api.web.showing import OF_SESSION, ShownQuery, shown, table
from domain.authenticator import Authenticator
from eventstore.callers.superadmin_authenticators import find_authenticator

SUPERADMINS = {**OF_SESSION, "access": "=superadmin"}
STATUSES = ("active", "suspended", "deactivated", "pending_enrollment")
A_PAGE, MOST_VIOLATIONS = 25, 20


class ShownTenantsQuery(ShownQuery, frozen=True, kw_only=True):
    search: Annotated[str, Meta(max_length=120, description="Part of the name or the slug")] = ""
    status: Annotated[
        Literal["", "active", "suspended", "deactivated", "pending_enrollment"], Meta(description="Only these")
    ] = ""
    table: Annotated[Literal["tenants", "violations"], Meta(description="Which of the tables, as JSON or CSV")] = (
        "tenants"
    )
    page: Annotated[int, Meta(ge=1, le=10_000, description="Page, from 1")] = 1


@get("/app/admin", opt=SUPERADMINS, include_in_schema=False, summary="Every tenant, for superadmins")
async def show_tenants(
    services: Provided, asking: Asker, sent_headers: SentHeaders, wanted: NamedDependency[ShownTenantsQuery]
) -> Response[bytes]:
    reader = Reader(services, asking)
    query = TenantsQuery(
        page=wanted.page, page_size=A_PAGE, search=wanted.search or UNSET, status=wanted.status or UNSET
    )
    found = await reader.read(list_tenants, wanted=query)
    violations = await reader.read(list_violators, wanted=ViolatorsQuery(page_size=MOST_VIOLATIONS))
    if wanted.format != "html":
        rows = {"tenants": found["data"], "violations": violations["data"]}[wanted.table]
        return table(rows, wanted.format, wanted.table)
    return await shown(
        reader, sent_headers, "admin.html", active="tenants", wanted=wanted, statuses=STATUSES, tenants=found["data"],
        meta=found["meta"], stats=(await reader.read(show_stats))["stats"], violations=violations["data"],
        pending=violations["meta"]["total_count"], health=await reader.read(health), own_key=await _own_key(reader),
    )  # fmt: skip


async def _own_key(reader: Reader) -> Authenticator | None:
    """The security key that this superadmin has enrolled."""
    async with reader.services.reading_names() as tx:
        return await find_authenticator(tx, reader.asking.caller.key_id)


@get(
    "/app/admin/tenants/{tenant_id:uuid}", opt=SUPERADMINS, include_in_schema=False,
    summary="A tenant, for superadmins",
)  # fmt: skip
async def show_tenant_page(
    services: Provided,
    asking: Asker,
    sent_headers: SentHeaders,
    tenant_id: TenantPath,
    wanted: NamedDependency[ShownQuery],
) -> Response[bytes]:
    reader = Reader(services, asking)
    tenant: Any = (await reader.read(show_tenant, tenant_id=tenant_id))["tenant"]
    query = ViolatorsQuery(tenant_id=tenant_id, status="all", page_size=MOST_VIOLATIONS)
    violations = await reader.read(list_violators, wanted=query)
    if wanted.format != "html":
        return table(violations["data"], wanted.format, f"violations-{tenant['slug']}")
    head, _ = await services.log_reader.head(tenant_id)
    return await shown(
        reader, sent_headers, "admin_tenant.html", active="tenants", tenant=tenant, head=head,
        violations=violations["data"],
    )  # fmt: skip


ROUTES: Sequence[HTTPRouteHandler] = (show_tenants, show_tenant_page)
