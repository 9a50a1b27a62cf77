"""The page of agents: first passes, rejections and refusals, each counted for whose work it was."""

from typing import Any

import pytest

from api.web.agents import last_seen
from tests.api.asgi import Answer, ask
from tests.api.logs import Service
from tests.api.team import Work, work
from tests.api.web.world import sign_in
from tests.api.work import Client


async def look(started: Service, path: str, raw: str) -> Answer:
    cookie = await sign_in(started, raw)
    return await ask(started.app, f"/app/agents{path}", headers={"Accept": "text/html", "Cookie": cookie})


async def rejected(laid_out: Work, number: str) -> None:
    answer = await laid_out.do(laid_out.team.orchestrator, number, "reject", {"reason": "no"})
    assert answer.status == 200, answer.body


@pytest.fixture
async def judged(served: Service) -> Work:
    """By one implementer: a story verified at once, one rejected and then verified by another one's hand, one rejected
    that waits; and it tried three times to confirm its own work."""
    laid_out = await work(served, "1.1", "1.2", "1.3")
    people = laid_out.team
    for number in ("1.1", "1.2", "1.3"):
        await laid_out.works(people.implementer, number)
        for _ in range(2 if number == "1.1" else 0):
            assert (await laid_out.do(people.implementer, number, "report")).status == 409
        await laid_out.reviews(people.reviewer, number)
    own = await laid_out.do(people.implementer, "1.3", "review-complete", {"review_type": "team"})
    assert own.status == 409
    await laid_out.verifies("1.1")
    await rejected(laid_out, "1.2")
    await rejected(laid_out, "1.3")
    await laid_out.works(people.other, "1.2")
    await laid_out.reviews(people.reviewer, "1.2")
    await laid_out.verifies("1.2")
    return laid_out


async def lines(started: Service, judged: Work, wanted: str = "") -> dict[str, Any]:
    rows = (await look(started, f"?format=json{wanted}", judged.team.user.raw)).json()
    return {row["id"]: row for row in rows}


async def agent_of(judged: Work, who: Client) -> str:
    found: str = (await who.get("/tenants/me")).json()["api_key"]["agent_id"]
    return found


async def test_a_first_pass_is_of_whose_work_was_judged(served: Service, judged: Work) -> None:
    """Went red when a rejection was counted for whoever has the story now."""
    rows = await lines(served, judged)
    first = rows[await agent_of(judged, judged.team.implementer)]
    second = rows[await agent_of(judged, judged.team.other)]
    named = ("verified", "first_pass", "judged_first", "rejections", "refused")
    assert [first[name] for name in named] == [1, 1, 3, 2, 3]
    assert [second[name] for name in named] == [1, 0, 0, 0, 0]
    body = (await look(served, "", judged.team.user.raw)).body.decode()
    assert "33%" in body
    assert "1 of 3 verified at the first try" in body


async def test_refusals_are_counted_by_agent_and_kind(served: Service, judged: Work) -> None:
    rows = (await look(served, "?format=json&table=refusals", judged.team.user.raw)).json()
    assert [(row["kind"], row["times"]) for row in rows] == [("self_report_blocked", 2), ("self_review_blocked", 1)]
    assert {row["agent_id"] for row in rows} == {await agent_of(judged, judged.team.implementer)}
    body = (await look(served, "", judged.team.user.raw)).body
    overview = (await ask(served.app, "/app", headers={"Cookie": await sign_in(served, judged.team.user.raw)})).body
    assert (
        b'href="/app/custody?action=custody_violation"><strong class="violation">3 attempts to confirm own' in overview
    )
    as_agent = {"Cookie": await sign_in(served, judged.team.implementer.raw)}
    assert b"attempts to confirm own" not in (await ask(served.app, "/app", headers=as_agent)).body
    entries = {"Cookie": await sign_in(served, judged.team.user.raw)}
    listed = (await ask(served.app, "/app/custody?action=custody_violation", headers=entries)).body
    assert listed.count(b'<strong class="violation">') == 3
    assert b'href="/wiki/self-report-blocked"' in body
    csv = (await look(served, "?format=csv&table=refusals", judged.team.user.raw)).body.decode().splitlines()
    assert csv[0] == "agent_id,agent,kind,tried_to,times,last_at"


async def test_a_choice_of_project_and_type_holds_for_both_tables(served: Service, judged: Work) -> None:
    await judged.team.user.project("other")
    assert {row["verified"] for row in (await lines(served, judged, "&project=other")).values()} == {0}
    assert (await look(served, "?format=json&table=refusals&project=other", judged.team.user.raw)).json() == []
    kinds = {row["type"] for row in (await lines(served, judged, "&type=orchestrator")).values()}
    assert kinds == {"orchestrator"}
    assert (await look(served, "?project=nowhere", judged.team.user.raw)).status == 404
    assert (await look(served, "?type=person", judged.team.user.raw)).status == 422


async def test_nobody_sees_the_refusals_of_another_tenant(served: Service, judged: Work, bob: Client) -> None:
    assert (await look(served, "?format=json&table=refusals", bob.raw)).json() == []
    assert len((await look(served, "?format=json&table=refusals", judged.team.user.raw)).json()) == 2, "the control"


def test_an_agent_was_seen_when_it_last_did_something() -> None:
    agent, empty = {"id": "a", "last_seen_at": "2026-03-02"}, {"assigned_at": None, "review_requested_at": None}
    tried = [{"metadata": {"agent_id": name}, "inserted_at": f"2026-03-0{day}"} for name, day in (("a", 3), ("b", 9))]
    assert last_seen(agent, [empty], []) == "2026-03-02"
    assert last_seen(agent, [], tried) == "2026-03-03", "not what another one tried"
    assert last_seen(agent, [{**empty, "review_requested_at": "2026-03-05"}], tried) == "2026-03-05"
    assert last_seen({**agent, "last_seen_at": None}, [], []) is None
