"""Signing in and out: who has a session, how it ends, and what cannot begin or end one."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.asgi import Answer, ask
from tests.api.logs import Service, call, service, tenant_with_key
from tests.api.recovering import Clock
from tests.api.team import key
from tests.api.web.world import FORM, sign_in
from tests.api.work import Client
from tests.support.database import TestDatabase

BROWSER = {"Accept": "text/html"}


async def look(started: Service, path: str, cookie: str = "", **headers: str) -> Answer:
    sent = {**BROWSER, **({"Cookie": cookie} if cookie else {}), **headers}
    return await ask(started.app, path, headers=sent)


async def post(started: Service, path: str, cookie: str, body: str, **headers: str) -> Answer:
    sent = {**FORM, **BROWSER, "Cookie": cookie, **headers}
    return await ask(started.app, path, method="POST", headers=sent, body=body.encode())


def form_token(page: Answer) -> str:
    return page.body.decode().partition('name="token" value="')[2].partition('"')[0]


async def test_whoever_has_no_session_is_led_to_the_login_and_back_to_the_same_place(
    served: Service, ann: Client
) -> None:
    led = await look(served, "/app/inbox?needs=agent")
    assert (led.status, led.headers["location"]) == (303, "/login?next=/app/inbox%3Fneeds%3Dagent")
    assert (await ask(served.app, "/app/inbox")).error["code"] == "login_needed", "who is no browser is told so"
    form = f"api_key={ann.raw}&next=/app/inbox%3Fneeds%3Dagent"
    back = await post(served, "/login/key", "", form)
    assert (back.status, back.headers["location"]) == (303, "/app/inbox?needs=agent")
    assert (await look(served, "/app/inbox", back.headers["set-cookie"].partition(";")[0])).status == 200


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/app\\x", "/application", "", "/app//"])
async def test_nothing_leads_out_of_the_pages(served: Service, ann: Client, wanted: str) -> None:
    answer = await post(served, "/login/key", "", f"api_key={ann.raw}&next={wanted}")
    assert answer.headers["location"] == (wanted if wanted == "/app//" else "/app")


async def test_the_cookie_is_for_this_service_alone_and_no_script_reads_it(served: Service, ann: Client) -> None:
    set_cookie = (await post(served, "/login/key", "", f"api_key={ann.raw}")).headers["set-cookie"]
    assert set_cookie.endswith("; HttpOnly; SameSite=Strict; Path=/")
    assert ann.raw not in set_cookie


async def test_a_wrong_key_is_told_so_on_the_page(served: Service, ann: Client) -> None:
    answer = await post(served, "/login/key", "", f"api_key={ann.raw[:-1]}x")
    assert answer.status == 401
    assert b"unknown, revoked or expired" in answer.body
    assert "set-cookie" not in answer.headers


async def test_a_key_opens_no_page_and_a_cookie_opens_no_route_of_the_api(served: Service, ann: Client) -> None:
    cookie = await sign_in(served, ann.raw)
    assert (await look(served, "/app", Authorization=f"Bearer {ann.raw}")).status == 303
    assert (await ask(served.app, "/api/v1/projects", headers={"Cookie": cookie})).status == 401
    assert (await look(served, "/app", cookie)).status == 200, "the control"


async def test_signing_out_ends_the_session_and_another_site_cannot(served: Service, ann: Client) -> None:
    cookie = await sign_in(served, ann.raw)
    token = form_token(await look(served, "/app", cookie))
    for headers, body in (
        ({"Sec-Fetch-Site": "cross-site"}, f"token={token}"),
        ({"Sec-Fetch-Site": "same-site"}, f"token={token}"),
        ({}, "token=wrong"),
        ({}, ""),
    ):
        assert (await post(served, "/logout", cookie, body or "x=", **headers)).status == 403
    assert (await look(served, "/app", cookie)).status == 200
    assert (await post(served, "/logout", cookie, f"token={token}")).headers["location"] == "/login"
    assert (await look(served, "/app", cookie)).status == 303


async def test_another_site_cannot_sign_anybody_in(served: Service, ann: Client) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "none"}):
        assert (await post(served, "/login/key", "", f"api_key={ann.raw}", **headers)).status == 403


async def test_a_new_login_ends_the_session_that_the_browser_had(served: Service, ann: Client) -> None:
    first = await sign_in(served, ann.raw)
    second = await sign_in(served, ann.raw, Cookie=first)
    assert first != second
    assert [(await look(served, "/app", cookie)).status for cookie in (first, second)] == [303, 200]


async def test_all_other_sessions_end_at_a_word(served: Service, ann: Client) -> None:
    first, second = await sign_in(served, ann.raw), await sign_in(served, ann.raw)
    token = form_token(await look(served, "/app", first))
    assert (await post(served, "/app/sessions/end", first, f"token={token}")).status == 303
    assert [(await look(served, "/app", cookie)).status for cookie in (first, second)] == [200, 303]


async def test_a_session_ends_with_the_key_that_began_it(served: Service, ann: Client) -> None:
    other = await key(ann, "user")
    cookie = await sign_in(served, other.raw)
    id_ = (await other.get("/tenants/me")).json()["api_key"]["id"]
    assert (await look(served, "/app", cookie)).status == 200
    await ann.delete(f"/api_keys/{id_}")
    assert (await look(served, "/app", cookie)).status == 303


async def test_a_session_ends_after_half_an_hour_of_rest_and_twelve_hours_at_most(log_of_module: TestDatabase) -> None:
    clock = Clock()
    async with service(log_of_module, utc_now=clock) as started:
        _, raw = await tenant_with_key(started.store)
        cookie = await sign_in(started, raw)
        for _ in range(23):
            clock.passes(minutes=29)
            assert (await look(started, "/app", cookie)).status == 200
        clock.passes(minutes=29)
        assert clock.now > Clock().now + timedelta(hours=11, minutes=30)
        assert (await look(started, "/app", cookie)).status == 200
        clock.passes(minutes=29)
        assert (await look(started, "/app", cookie)).status == 303, "twelve hours are over"
        rested = await sign_in(started, raw)
        clock.passes(minutes=31)
        assert (await look(started, "/app", rested)).status == 303


@pytest.mark.parametrize("role", ["agent", "orchestrator"])
async def test_what_a_role_may_not_do_is_not_shown(served: Service, role: Any) -> None:
    _, raw = await tenant_with_key(served.store, role, agent_id="0193a2b4-0000-7000-8000-0000000000aa")
    cookie = await sign_in(served, raw)
    body = (await look(served, "/app", cookie)).body
    assert (b'href="/app/agents"' in body, b'href="/app/settings"' in body) == (role == "orchestrator", False)
    assert (await look(served, "/app/settings", cookie)).status == 403
    assert (await look(served, "/app/agents", cookie)).status == (200 if role == "orchestrator" else 403)


async def test_the_tenant_of_another_has_no_pages(served: Service, ann: Client, bob: Client) -> None:
    project = await ann.project("hidden")
    story = await ann.story(await ann.epic(project))
    cookie = await sign_in(served, bob.raw)
    for path in (f"/app/stories/{story}", "/app/projects/hidden/board", "/app/projects/hidden/graph",
                 f"/app/projects/{project}/board", f"/app/webhooks/{story}", "/app/stories/x"):  # fmt: skip
        answer = await look(served, path, cookie)
        assert (answer.status, b"Page not found" in answer.body) == (404, True), path
    mine = await sign_in(served, ann.raw)
    assert (await look(served, f"/app/stories/{story}", mine)).status == 200, "the control"


async def test_a_table_is_json_and_csv_as_well_and_no_cell_is_a_formula(served: Service, ann: Client) -> None:
    project = await ann.project("my-app")
    await ann.story(await ann.epic(project), title="=HYPERLINK(1)")
    cookie = await sign_in(served, ann.raw)
    path = "/app/projects/my-app/board"
    rows = (await look(served, path + "?format=json", cookie)).json()
    assert [row["title"] for row in rows] == ["=HYPERLINK(1)"]
    lines = (await look(served, path + "?format=csv", cookie)).body.decode().splitlines()
    assert lines[0].startswith("id,tenant_id")
    assert "'=HYPERLINK(1)" in lines[1]


async def test_the_first_steps_are_ticked_when_they_have_happened(served: Service, ann: Client) -> None:
    cookie, path = await sign_in(served, ann.raw), f"/tenants/{ann.tenant}/onboarding"
    before = (await look(served, path, cookie)).body.decode()
    assert 'step" id="onboarding-step-first_project"' in before
    await ann.project("my-app")
    after = (await look(served, path, cookie)).body.decode()
    assert 'step step-done" id="onboarding-step-first_project"' in after
    assert 'step" id="onboarding-step-first_agent"' in after, "the control"


async def test_the_first_steps_of_others_lead_to_the_first_page(served: Service, ann: Client, bob: Client) -> None:
    path = f"/tenants/{ann.tenant}/onboarding"
    for cookie in ("", await sign_in(served, bob.raw)):
        answer = await look(served, path, cookie)
        assert (answer.status, answer.headers["location"]) == (302, "/")


async def test_no_session_is_in_the_log(served: Service, ann: Client) -> None:
    before = len(await ann.recorded())
    await sign_in(served, ann.raw)
    assert len(await ann.recorded()) == before
    assert (await call(served.app, ann.raw, "/api/v1/tenants/me")).status == 200
