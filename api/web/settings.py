"""Keys, security keys, sessions and settings of the tenant."""

from collections.abc import Sequence

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from api.api_keys.routes import list_api_keys
from api.api_keys.schemas import KeysQuery
from api.authenticators.routes import list_authenticators
from api.http.asking import Asker
from api.http.endpoints import SentHeaders
from api.pages import PageQuery
from api.services import Provided
from api.tenants.routes import show_own_tenant
from api.web.reading import Reader
from api.web.showing import OF_SESSION, ShownQuery, shown, table
from projections.rows.web_sessions import list_sessions

USERS = {**OF_SESSION, "access": "user+"}


@get("/app/settings", opt=USERS, include_in_schema=False, summary="Keys, security keys, sessions and settings")
async def show_settings(
    services: Provided, asking: Asker, sent_headers: SentHeaders, wanted: NamedDependency[ShownQuery]
) -> Response[bytes]:
    reader = Reader(services, asking)
    keys = await reader.all(list_api_keys, KeysQuery(page_size=100))
    if wanted.format != "html":
        return table(keys, wanted.format, "api-keys")
    authenticators = await reader.all(list_authenticators, PageQuery(page_size=100))
    tenant = (await reader.read(show_own_tenant))["tenant"]
    async with services.reading(asking.caller.tenant_id) as tx:
        sessions = await list_sessions(tx, services.utc_now())
    return await shown(
        reader, sent_headers, "settings.html", active="settings", keys=keys, authenticators=authenticators,
        tenant=tenant, sessions=sessions,
    )  # fmt: skip


ROUTES: Sequence[HTTPRouteHandler] = (show_settings,)
