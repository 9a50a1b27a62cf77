"""Pages behind the login: who looks, where else to go, and each table as JSON and CSV too."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, Struct, structs

from api.admin.routes import list_tenants
from api.agents.routes import list_agents_of_tenant
from api.api_keys.routes import list_api_keys
from api.audit.routes import list_audit
from api.costs.analytics import show_model_costs
from api.http.page_headers import PAGE
from api.http.query import StrictQuery
from api.knowledge.articles import list_articles_of_tenant
from api.projects.routes import list_projects_of_tenant
from api.projects.schemas import ProjectsQuery
from api.queues.routes import list_what_waits
from api.tenants.routes import show_own_tenant
from api.web.cookie import read_cookie
from api.web.reading import Reader
from api.web.rendering import NO_STORE, html
from api.web.waiting import how_many_wait
from api.webhooks.routes import list_webhooks_of_tenant

OF_SESSION = {"access": "agent+", "any_accept": True, "session": True}
UNSAFE_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""Of a cell, which a spreadsheet would take for a formula."""


class ShownQuery(StrictQuery, frozen=True, kw_only=True):
    format: Annotated[Literal["html", "json", "csv"], Meta(description="As a page, or what its table holds")] = "html"


class Link(Struct, frozen=True):
    name: str
    title: str
    href: str
    route: HTTPRouteHandler
    """Who may not read this does not see the link."""
    count: int = 0


class Group(Struct, frozen=True):
    title: str
    links: Sequence[Link]


GROUPS = (
    Group(
        "Work",
        (
            Link("overview", "Overview", "/app", list_projects_of_tenant),
            Link("inbox", "Waiting on", "/app/inbox", list_what_waits),
        ),
    ),
    Group("Projects", ()),
    Group(
        "Tenant",
        (
            Link("costs", "Costs", "/app/costs", show_model_costs),
            Link("agents", "Agents", "/app/agents", list_agents_of_tenant),
            Link("knowledge", "Knowledge", "/app/knowledge", list_articles_of_tenant),
            Link("custody", "Custody", "/app/custody", list_audit),
            Link("webhooks", "Webhooks", "/app/webhooks", list_webhooks_of_tenant),
            Link("settings", "Settings and keys", "/app/settings", list_api_keys),
        ),
    ),
)
"""The pages of the list at the side. Those of projects are as many as there are, up to a bound."""
HELP = Group(
    "Help",
    (
        Link("guide", "Guide", "/docs", show_own_tenant),
        Link("wiki", "Wiki", "/wiki", show_own_tenant),
        Link("api", "API", "/swaggerui", show_own_tenant),
    ),
)
MOST_PROJECTS = 8
OPERATING = (Group("Operating", (Link("tenants", "Tenants", "/app/admin", list_tenants),)),)
"""Of a superadmin's pages."""


class Here(Struct, frozen=True):
    """What the frame of a page says."""

    tenant: str
    role: str
    name: str
    token: str
    """For its forms."""
    groups: Sequence[Group]


async def here(reader: Reader, headers: Mapping[bytes, bytes]) -> Here:
    cookie, caller = read_cookie(reader.services.settings, headers), reader.asking.caller
    token = cookie.form_token if cookie else ""
    if caller.superadmin:
        return Here("every tenant", caller.role.value, caller.key_name, token, OPERATING)
    whole = await reader.read(show_own_tenant)
    waiting = await how_many_wait(reader)
    groups = [
        Group(group.title, [structs.replace(link, count=waiting if link.name == "inbox" else 0)
                            for link in group.links or await _projects(reader) if reader.may(link.route)])
        for group in GROUPS
    ]  # fmt: skip
    return Here(
        whole["tenant"]["name"], caller.role.value, caller.key_name, token,
        [*(group for group in groups if group.links), HELP],
    )  # fmt: skip


async def _projects(reader: Reader) -> Sequence[Link]:
    found = (await reader.read(list_projects_of_tenant, wanted=ProjectsQuery(page_size=MOST_PROJECTS)))["data"]
    return [
        Link(each["slug"], each["name"], f"/app/projects/{each['slug']}/board", list_projects_of_tenant)
        for each in found
    ]


async def shown(reader: Reader, headers: Mapping[bytes, bytes], template: str, **values: Any) -> Response[bytes]:
    """Give it ``active``, the name of the link that leads there."""
    around = {"here": await here(reader, headers), "now": reader.services.utc_now(), "active": "", "may": reader.may}
    body = html(template, {**around, "seen": reader.seen, **values})
    return Response(body, media_type="text/html", headers={**PAGE, **NO_STORE})


def table(rows: Sequence[Mapping[str, Any]], kind: str, name: str) -> Response[bytes]:
    """What a page's table holds, for other tools: a list of objects, or lines under their names."""
    headers = {**NO_STORE, "Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    if kind == "json":
        return Response(msgspec.json.encode(rows), media_type="application/json", headers=headers)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(rows[0] if rows else [])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return Response(text.getvalue().encode(), media_type="text/csv", headers=headers)


def _cell(value: Any) -> str:
    """A text that begins like a formula is made one that does not."""
    said = "" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"'{said}" if isinstance(value, str) and said.startswith(UNSAFE_STARTS) else said
