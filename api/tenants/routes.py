"""The caller's own tenant: /api/v1/tenants/me."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, patch
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.commands import written
from api.documentation.responses import answers
from api.http.asking import Asker
from api.services import Provided
from api.tenants.changing import change_tenant, read_tenant
from api.tenants.examples import CALLING_KEY, TENANT
from api.tenants.schemas import Beside, UpdateTenantBody, calling_key_body, tenant_body
from domain.tenant import Tenant

TAGS = ["Tenants"]


@get(
    "/api/v1/tenants/me",
    opt={"access": "any"},
    tags=TAGS,
    summary="Show the caller's tenant, and the key that asks",
    description="With its settings as they were set; what was never set has its default.",
    responses=answers(200, "The tenant and the key", {"tenant": TENANT, "api_key": CALLING_KEY}),
)
async def show_own_tenant(services: Provided, asking: Asker) -> dict[str, Any]:
    return {**_body(*await read_tenant(services, asking)), "api_key": calling_key_body(asking.caller)}


@patch(
    "/api/v1/tenants/me",
    opt={"access": "user+", "fresh": True, "errors": ("idempotency_key_reused",)},
    tags=TAGS,
    summary="Change the caller's tenant",
    description=(
        "Settings are merged: what is given replaces, the others stay. Known settings have a type and bounds; "
        "limits that protect the service cannot be raised here beyond their default or what the tenant was given. "
        "The slug never changes."
    ),
    responses=answers(200, "The tenant", {"tenant": TENANT}),
)
async def update_own_tenant(services: Provided, asking: Asker, data: JSONBody[UpdateTenantBody]) -> Response[bytes]:
    return await written(services, asking, await change_tenant(services, asking, data, _body))


def _body(tenant: Tenant, beside: Beside) -> dict[str, Any]:
    return {"tenant": tenant_body(tenant, beside)}


ROUTES: Sequence[HTTPRouteHandler] = (
    show_own_tenant,
    update_own_tenant,
)
