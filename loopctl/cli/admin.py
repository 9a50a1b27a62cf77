"""`loopctl admin`: for superadmins."""

from dataclasses import replace

from cyclopts import App

from loopctl.cli.options import FIRST_PAGE, PLAIN, Common, Pages
from loopctl.cli.output import Columns
from loopctl.cli.raw import api
from loopctl.cli.session import session
from loopctl.cli.settings import ADMINISTERING

app = App(name="admin")

TENANT: Columns = ("id", "name", "slug", "status", "project_count", "story_count")


@app.command
def stats(*, common: Common = PLAIN) -> None:
    """Show how much there is of everything."""
    with session(common, ADMINISTERING) as asked:
        asked.show(asked.client.get("admin/stats"))


@app.command
def tenants(*, pages: Pages = FIRST_PAGE, common: Common = PLAIN) -> None:
    """List the tenants."""
    with session(common, ADMINISTERING) as asked:
        asked.show_list("admin/tenants", pages, TENANT)


@app.command
def tenant(tenant_id: str, /, *, common: Common = PLAIN) -> None:
    """Show a tenant."""
    with session(common, ADMINISTERING) as asked:
        asked.show(asked.client.get(f"admin/tenants/{tenant_id}"))


@app.command
def suspend(tenant_id: str, /, *, common: Common = PLAIN) -> None:
    """Suspend a tenant: none of its keys works until it is activated."""
    with session(common, ADMINISTERING) as asked:
        asked.show(asked.client.post(f"admin/tenants/{tenant_id}/suspend"))


@app.command
def activate(tenant_id: str, /, *, common: Common = PLAIN) -> None:
    """Activate a suspended tenant."""
    with session(common, ADMINISTERING) as asked:
        asked.show(asked.client.post(f"admin/tenants/{tenant_id}/activate"))


@app.command
def impersonate(tenant: str, method: str, path: str, data: str | None = None, /, *, common: Common = PLAIN) -> None:
    """Send any request as a superadmin in a tenant. Every other command does the same with --impersonate TENANT.

    Parameters
    ----------
    tenant
        Its id or slug.
    method
        GET, POST, PUT, PATCH or DELETE.
    path
        Below /api/v1, or from / on.
    data
        The body as JSON; @FILE reads a file, - standard input.
    """
    api(method, path, data=data, common=replace(common, impersonate=tenant))
