"""Keys, security keys, sessions and settings of the tenant."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

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

Table = Literal["api-keys", "security-keys", "sessions", "custody"]


class SettingsQuery(ShownQuery, frozen=True, kw_only=True):
    table: Annotated[Table, Meta(description="Which of the tables, as JSON or CSV")] = "api-keys"


USERS = {**OF_SESSION, "access": "user+"}


@get("/app/settings", opt=USERS, include_in_schema=False, summary="Keys, security keys, sessions and settings")
async def show_settings(
    services: Provided, asking: Asker, sent_headers: SentHeaders, wanted: NamedDependency[SettingsQuery]
) -> Response[bytes]:
    reader = Reader(services, asking)
    keys = await reader.all(list_api_keys, KeysQuery(page_size=100))
    authenticators = await reader.all(list_authenticators, PageQuery(page_size=100))
    tenant = (await reader.read(show_own_tenant))["tenant"]
    async with services.reading(asking.caller.tenant_id) as tx:
        sessions: list[Mapping[str, Any]] = [
            msgspec.to_builtins(dict(each)) for each in await list_sessions(tx, services.utc_now())
        ]
    stricter = stricter_settings(tenant["settings"])
    if wanted.format != "html":
        rows = {"api-keys": keys, "security-keys": authenticators, "sessions": sessions, "custody": stricter}
        return table(rows[wanted.table], wanted.format, wanted.table)
    return await shown(
        reader, sent_headers, "settings.html", active="settings", keys=keys, authenticators=authenticators,
        tenant=tenant, sessions=sessions, stricter=stricter,
    )  # fmt: skip


RECOMMENDED = (
    ("require_distinct_verifier", True, "Implementer, reviewer and verifier are three."),
    ("require_capabilities", True, "Each step takes a signed capability that is good once."),
    ("halt_on_self_attempt", True, "Custody halts when somebody tries to confirm its own work."),
)
"""Settings that make custody stricter, and what each means."""


def stricter_settings(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of each whether it is on, and the command that turns it over."""
    return [
        {"setting": name, "on": settings.get(name) == value, "meaning": meaning,
         "command": f"loopctl tenant update --setting {name}={'false' if settings.get(name) == value else 'true'}"}
        for name, value, meaning in RECOMMENDED
    ]  # fmt: skip


ROUTES: Sequence[HTTPRouteHandler] = (show_settings,)
