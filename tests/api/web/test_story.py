"""The page of a story, as it is and as it was; the side of every page; and how entries are said."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from api.web.standing import burn_up
from api.web.story import Replay, replay, until
from api.web.words import happened, lane_reached, story_of
from tests.api.asgi import Answer, ask
from tests.api.logs import NOON, Service, service
from tests.api.recovering import Clock
from tests.api.team import work
from tests.api.test_dispatches import as_dispatched, minted
from tests.api.test_lineage import Family, implemented
from tests.api.web.world import sign_in
from tests.api.work import Client, client
from tests.contract.capped import freed
from tests.support.database import TestDatabase


async def look(started: Service, path: str, cookie: str) -> Answer:
    return await ask(started.app, path, headers={"Accept": "text/html", "Cookie": cookie})


async def test_a_story_of_then_has_nothing_that_came_later(served: Service) -> None:
    """Went red with the reviews of now beside the status of then."""
    laid_out = await work(served)
    await laid_out.works(laid_out.team.implementer, "1.1")
    await laid_out.reviews(laid_out.team.reviewer, "1.1")
    await laid_out.verifies("1.1")
    story, cookie = laid_out.stories["1.1"], await sign_in(served, laid_out.team.user.raw)
    places = [each["position"] for each in (await laid_out.team.user.get(f"/stories/{story}/history")).json()["data"]]
    before = (await look(served, f"/app/stories/{story}?at={min(places)}", cookie)).body
    assert b"Nobody has taken it." in before
    assert b"as it was at position" in before
    now = (await look(served, f"/app/stories/{story}", cookie)).body
    assert b"Nobody has taken it." not in now
    assert b"confirmed by nobody yet" in before
    assert 'badge-reported badge-claimed">reported done</span> <span class="caption">by ' in now.decode(), "hollow"
    assert b'<span class="caption">confirmed by ' in now
    assert b'badge-verified">pass' in now
    assert f"?at={sorted(places)[-2]}".encode() in now, "one step back"


async def test_records_of_a_later_time_are_left_out(served: Service) -> None:
    """At one moment of the clock they cannot be told apart, so this one moves."""
    history = [{"position": 3, "inserted_at": "2026-01-01T10"}, {"position": 8, "inserted_at": "2026-01-01T12"}]
    found = [{"inserted_at": "2026-01-01T12"}, {"inserted_at": "2026-01-01T10"}]
    assert until(3, history, found) == found[1:]
    assert until(9, history, found) == found == until(None, history, found)
    assert until(0, history, found) == []


@pytest.mark.parametrize(
    ("at", "shown", "before", "after"),
    [(None, 2, 5, None), (9, 2, 5, None), (5, 1, 2, 9), (6, 1, 2, 9), (2, 0, None, 5), (0, 0, None, 5)],
)
def test_a_replay_goes_from_place_to_place(at: int | None, shown: int, before: int | None, after: int | None) -> None:
    found: Replay = replay([{"position": place} for place in (9, 2, 5)], at)
    assert (found.shown, found.beside(-1), found.beside(1)) == (shown, before, after)


async def test_a_story_shows_by_whom_its_hands_were_sent(served: Service) -> None:
    """From the root: a person's session, which has sent the implementer; and whom the draw has met, of another root."""
    user, agents = await client(served), dict[str, str]()
    for name in ("wes", "lead", "one"):
        await freed(user, name, agents, "orchestrator")
    session = await minted(user, "orchestrator", agent_id=agents["lead"])
    hand = await minted(as_dispatched(user, session), agent_id=agents["wes"])
    judge = await minted(user, "orchestrator", agent_id=agents["one"])
    who = {"implementer": as_dispatched(user, hand)}
    assert (await user.patch("/tenants/me", {"settings": {"lineage_policy": "strict"}})).status == 200
    family = Family(user, who, await user.epic(await user.project()))
    story = await implemented(family, "1.1")
    body = (await look(served, f"/app/stories/{story}", await sign_in(served, user.raw))).body.decode()
    chain = body[body.index('class="lineage"') :]
    links = [f'<li title="{each["dispatch"]["id"]}">{name}' for each, name in ((session, "lead"), (hand, "wes"))]
    assert ">a person<" in chain
    assert 0 < chain.index(links[0]) < chain.index(links[1])
    drawn = (await user.shown(story))["verifier_dispatch_id"]
    assert drawn in (judge["dispatch"]["id"], session["dispatch"]["id"])
    assert "Drawn to verify" in body
    assert ("Nobody stands above both." in body) == (drawn == judge["dispatch"]["id"])
    assert ("Above both: lead." in body) == (drawn == session["dispatch"]["id"])


async def test_the_side_of_a_page_has_the_projects_and_how_much_waits(
    served: Service, ann: Client, bob: Client
) -> None:
    await ann.project("of-ann", name="Of <Ann>")
    body = (await look(served, "/app", await sign_in(served, ann.raw))).body
    assert b'href="/app/projects/of-ann/board"' in body
    assert b"Of &lt;Ann&gt;" in body
    assert b"of-ann" not in (await look(served, "/app", await sign_in(served, bob.raw))).body
    laid_out = await work(served)
    await laid_out.works(laid_out.team.implementer, "1.1")
    page = (await look(served, "/app/inbox", await sign_in(served, laid_out.team.user.raw))).body
    assert b'Waiting on</span><span class="count">1</span>' in page


async def test_a_lease_that_ran_out_and_drafts_are_among_what_waits(log_of_module: TestDatabase) -> None:
    """The API leaves both out. The control: before the lease has ended it is not there."""
    clock = Clock()
    async with service(log_of_module, utc_now=clock) as started:
        laid_out = await work(started)
        user, story = laid_out.team.user, laid_out.stories["1.1"]
        echo = {"story_title": "Story 1.1", "ac_count": (await user.shown(story))["ac_count"]}
        for action, body in (("contract", echo), ("claim", {"lease_seconds": 60})):
            assert (await laid_out.do(laid_out.team.implementer, "1.1", action, body)).status == 200
        command = f"loopctl unclaim {story} --force".encode()
        cookie = await sign_in(started, user.raw)
        before = (await look(started, "/app/inbox", cookie)).body
        assert (command in before, b"knowledge wait" in before) == (False, False)
        draft = {"title": "A draft", "body": "-", "category": "finding", "status": "draft"}
        assert (await user.post("/articles", draft)).status == 201
        clock.passes(minutes=2)
        after = (await look(started, "/app/inbox", cookie)).body
        assert (after.count(command), b"1 draft of knowledge waits" in after) == (2, True), "shown, and copied"
        assert b'Waiting on</span><span class="count">2</span>' in after, "as many as are listed"
        as_agent = await look(started, "/app/inbox", await sign_in(started, laid_out.team.implementer.raw))
        assert (command in as_agent.body, b"of knowledge waits" in as_agent.body) == (True, False)


async def test_what_is_verified_holds_nothing_up_on_the_graph_and_the_story(served: Service) -> None:
    """1.3 waits for 1.2, and that for 1.1, which is verified. The control: 1.2 is not, and does."""
    laid_out = await work(served, "1.1", "1.2", "1.3")
    await laid_out.works(laid_out.team.implementer, "1.1")
    await laid_out.reviews(laid_out.team.reviewer, "1.1")
    await laid_out.verifies("1.1")
    for before, after in (("1.1", "1.2"), ("1.2", "1.3")):
        body = {"story_id": laid_out.stories[after], "depends_on_story_id": laid_out.stories[before]}
        assert (await laid_out.team.user.post("/story_dependencies", body)).status == 201
    cookie = await sign_in(served, laid_out.team.user.raw)
    graph = (await look(served, f"/app/projects/{laid_out.project}/graph", cookie)).body.decode()
    assert ("1.1 · unlocks" in graph, "1.2 · unlocks 1" in graph) == (False, True)
    assert graph.count('marker-end="url(#arrow') == 2
    first = (await look(served, f"/app/stories/{laid_out.stories['1.2']}", cookie)).body.decode()
    last = (await look(served, f"/app/stories/{laid_out.stories['1.3']}", cookie)).body.decode()
    assert ("</a>, verified<" in first, "</a>, not verified yet<" in last) == (True, True)


async def test_the_overview_says_what_was_spent_and_how_old_the_head_is(served: Service) -> None:
    laid_out = await work(served)
    usage = {"story_id": laid_out.stories["1.1"], "model_name": "m", "phase": "other", "input_tokens": 1,
             "output_tokens": 1, "cost_millicents": 123_456}  # fmt: skip
    assert (await laid_out.team.implementer.post("/token-usage", usage)).status == 201
    body = (await look(served, "/app", await sign_in(served, laid_out.team.user.raw))).body
    assert b"$1.23" in body
    assert b"<dt>Reported cost</dt>" in body
    assert b"claimed" not in body.lower()
    assert b"Head signed" in body
    as_agent = (await look(served, "/app", await sign_in(served, laid_out.team.implementer.raw))).body
    assert (b"$1.23" in as_agent, b"Head signed" in as_agent) == (True, False), "the log is not for agents"


@pytest.mark.parametrize(
    ("entry", "words", "lane"),
    [
        ({"action": "status_changed", "new_state": {"agent_status": "assigned"}}, "taken", "contracted"),
        ({"action": "auto_reset", "new_state": {"agent_status": "pending"}}, "put back", "pending"),
        ({"action": "status_changed", "new_state": None}, "status changed", "unknown"),
        ({"action": "created", "entity_type": "artifact_report"}, "artifact reported", "unknown"),
        ({"action": "created", "entity_type": "api_key"}, "api key made", "unknown"),
        ({"action": "verified"}, "verified", "verified"),
        ({"action": "custody_violation"}, "custody violation", "rejected"),
    ],
)
def test_entries_are_said_as_people_say_them(entry: dict[str, Any], words: str, lane: str) -> None:
    whole = {"entity_type": "story", "new_state": None, **entry}
    assert (happened(whole), lane_reached(whole)) == (words, lane)


def test_an_entry_is_of_the_story_that_it_names() -> None:
    of_story = {"entity_type": "story", "entity_id": "a", "new_state": None}
    beside = {"entity_type": "artifact_report", "entity_id": "b", "new_state": {"story_id": "a"}}
    of_none = {"entity_type": "webhook", "entity_id": "c", "new_state": {}}
    assert [story_of(each) for each in (of_story, beside, of_none)] == ["a", "a", ""]


def test_what_adds_up_over_time_is_drawn_as_stairs() -> None:
    """Went red with a line from count to count, which says that stories come in parts."""
    hours = ("2026-03-27T08:00:00Z", "2026-03-27T10:00:00Z")
    stories = [{"reported_done_at": each, "verified_at": None, "verified_status": "unverified"} for each in hours]
    drawn = burn_up(stories, NOON)
    assert drawn is not None
    points = [tuple(map(float, each.split(","))) for each in drawn.claimed_line.split()]
    assert all(x == to_x or y == to_y for (x, y), (to_x, to_y) in pairwise(points))
    assert (points[0], points[-1]) == ((0.0, 160.0), (600.0, 4.0))
    assert drawn.half == "1"
    assert drawn.end - drawn.begin >= timedelta(hours=4)
