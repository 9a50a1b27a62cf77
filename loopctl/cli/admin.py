"""`loopctl admin`: for superadmins."""

from cyclopts import App

from loopctl.cli.options import FIRST_PAGE, PLAIN, Common, Pages
from loopctl.cli.output import Columns
from loopctl.cli.session import session

app = App(name="admin")

TENANT: Columns = ("id", "name", "slug", "status", "project_count", "story_count")


@app.command
def stats(*, common: Common = PLAIN) -> None:
    """Show how much there is of everything."""
    with session(common) as asked:
        asked.show(asked.client.get("admin/stats"))


@app.command
def tenants(*, pages: Pages = FIRST_PAGE, common: Common = PLAIN) -> None:
    """List the tenants."""
    with session(common) as asked:
        asked.show_list("admin/tenants", pages, TENANT)


@app.command
def tenant(tenant_id: str, /, *, common: Common = PLAIN) -> None:
    """Show a tenant."""
    with session(common) as asked:
        asked.show(asked.client.get(f"admin/tenants/{tenant_id}"))


@app.command
def suspend(tenant_id: str, /, *, common: Common = PLAIN) -> None:
    """Suspend a tenant: none of its keys works until it is activated."""
    with session(common) as asked:
        asked.show(asked.client.post(f"admin/tenants/{tenant_id}/suspend"))


@app.command
def activate(tenant_id: str, /, *, common: Common = PLAIN) -> None:
    """Activate a suspended tenant."""
    with session(common) as asked:
        asked.show(asked.client.post(f"admin/tenants/{tenant_id}/activate"))
