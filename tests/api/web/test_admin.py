"""Pages for superadmins: who has them, what they show, and that a superadmin's session is good for nothing else."""

import pytest

from tests.api.asgi import Answer, ask
from tests.api.logs import Service
from tests.api.superadmins import superadmin
from tests.api.team import team
from tests.api.web.test_login import form_token, post
from tests.api.web.world import sign_in
from tests.api.work import Client
from tests.support.database import TestDatabase, session


async def look(started: Service, path: str, cookie: str) -> Answer:
    return await ask(started.app, path, headers={"Accept": "text/html", "Cookie": cookie})


@pytest.fixture
async def root(served: Service, log_of_module: TestDatabase) -> str:
    """The cookie of a superadmin."""
    _, raw = await superadmin(log_of_module, "Grace <b>")
    return await sign_in(served, raw)


async def test_a_superadmin_sees_every_tenant_and_how_the_service_is(served: Service, root: str, ann: Client) -> None:
    await ann.patch("/tenants/me", {"name": "<i>Blue Shelf"})
    await ann.project()
    body = (await look(served, f"/app/admin?search={ann.tenant.hex[:8]}", root)).body
    assert b"&lt;i&gt;Blue Shelf" in body
    assert f"/app/admin/tenants/{ann.tenant}".encode() in body
    rows = (await look(served, f"/app/admin?search={ann.tenant.hex[:8]}&format=json", root)).json()
    assert [(row["id"], row["project_count"], row["custody_halted_at"]) for row in rows] == [(str(ann.tenant), 1, None)]
    page = (await look(served, f"/app/admin/tenants/{ann.tenant}", root)).body
    assert f"loopctl admin suspend {ann.tenant}".encode() in page
    assert b"No such tenant" in (await look(served, "/app/admin?search=nobody-is-called-so", root)).body


async def test_a_refused_attempt_stands_there_until_it_is_settled(served: Service, root: str) -> None:
    people = await team(served)
    story = await people.user.story(await people.user.epic(await people.user.project()))
    shown = await people.user.shown(story)
    for step, body in (("contract", {"story_title": shown["title"], "ac_count": 0}), ("claim", None), ("start", None),
                       ("request-review", None)):  # fmt: skip
        assert (await people.implementer.post(f"/stories/{story}/{step}", body)).status == 200
    assert (await people.implementer.post(f"/stories/{story}/report")).status == 409
    for path in ("/app/admin", f"/app/admin/tenants/{people.user.tenant}"):
        assert b"self_report_blocked" in (await look(served, path, root)).body
    other = (await look(served, f"/app/admin/tenants/{(await team(served)).user.tenant}", root)).body
    assert b"None was tried" in other


@pytest.mark.parametrize("role", ["user", "orchestrator", "lead"])
async def test_for_everybody_else_there_is_no_such_page(served: Service, role: str) -> None:
    people = await team(served)
    cookie = await sign_in(served, getattr(people, role).raw)
    for path in ("/app/admin", f"/app/admin/tenants/{people.user.tenant}"):
        answer = await look(served, path, cookie)
        assert (answer.status, b"Page not found" in answer.body) == (404, True)
    assert b"/app/admin" not in (await look(served, "/app", cookie)).body
    led = await look(served, "/app/admin", "")
    assert (led.status, led.headers["location"]) == (303, "/login?next=/app/admin")


async def test_a_superadmins_session_opens_no_page_of_a_tenant_and_no_route(served: Service, root: str) -> None:
    for path in ("/app", "/app/settings", "/app/custody/export", "/app/projects/my-app/board"):
        led = await look(served, path, root)
        assert (led.status, led.headers["location"]) == (303, "/app/admin"), path
    assert (await ask(served.app, "/api/v1/admin/tenants", headers={"Cookie": root})).status == 401
    assert (await look(served, "/app/admin/tenants/0193a2b4-0000-7000-8000-000000000001", root)).status == 404
    assert (await look(served, "/app/admin?page=0", root)).status == 422
    assert (await look(served, "/app/admin?status=lost", root)).status == 422


async def test_it_ends_by_signing_out_and_with_the_key(served: Service, log_of_module: TestDatabase) -> None:
    key_id, raw = await superadmin(log_of_module)
    first, second = await sign_in(served, raw), await sign_in(served, raw)
    token = form_token(await look(served, "/app/admin", first))
    assert (await post(served, "/logout", first, f"token={token}")).headers["location"] == "/login"
    assert [(await look(served, "/app/admin", cookie)).status for cookie in (first, second)] == [303, 200]
    async with session(log_of_module.admin_url) as connection:
        await connection.execute("UPDATE app.superadmin_key SET revoked_at = now() WHERE key_id = $1", key_id)
    assert (await look(served, "/app/admin", second)).status == 303


async def test_a_tenants_cookie_is_none_of_no_tenant(served: Service, ann: Client) -> None:
    """The first half of a cookie says whose it is; the second is looked for there alone."""
    name, _, value = (await sign_in(served, ann.raw)).partition("=")
    forged = f"{name}={'0' * 32}.{value.partition('.')[2]}"
    assert (await look(served, "/app/admin", forged)).status == 303
