"""Drawing a verifier: by whom nobody can know before, and everybody check after; bound to where the tenant wants it."""

from collections import Counter
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec import Struct

from loopctl.draw import chain_of, drawn_by, follows
from tests.api.logs import Service
from tests.api.test_dispatches import as_dispatched, minted
from tests.api.test_lineage import Family, implemented
from tests.api.work import Client, client
from tests.contract.capped import freed

JUDGED = {"review_type": "team", "summary": "ok"}


class Crew(Struct, frozen=True):
    """An implementer, and three whom a draw may meet, each dispatched by a person."""

    family: Family
    judges: dict[str, Client]
    """By dispatch."""


@pytest.fixture
async def crew(served: Service) -> Crew:
    user = await client(served)
    agents: dict[str, str] = {}
    for name in ("wes", "sib", "one", "two", "three"):
        await freed(user, name, agents, "orchestrator")
    session = await minted(user, "orchestrator", agent_id=agents["sib"])
    lead = as_dispatched(user, session)
    implementer = await minted(lead, agent_id=agents["wes"])
    judges = {}
    for name in ("one", "two", "three"):
        made = await minted(user, "orchestrator", agent_id=agents[name])
        judges[made["dispatch"]["id"]] = as_dispatched(user, made)
    who = {"implementer": as_dispatched(user, implementer), "session": lead}
    who |= {f"judge {place}": judge for place, judge in enumerate(judges.values())}
    family = Family(user, who, await user.epic(await user.project()))
    return Crew(family, judges)


async def drawn(crew: Crew, story: str) -> Any:
    return [event for tag, event in await crew.family.user.recorded() if tag == "story.verifier_drawn"][-1]


async def test_a_request_for_review_draws_one_of_those_who_did_not_do_the_work(crew: Crew) -> None:
    assert (await crew.family.user.patch("/tenants/me", {"settings": {"lineage_policy": "strict"}})).status == 200
    story = await implemented(crew.family, "1.1")
    shown = await crew.family.user.shown(story)
    event = await drawn(crew, story)
    assert shown["verifier_dispatch_id"] == str(event.verifier_dispatch_id)
    assert shown["verifier_needed"] is False
    assert set(crew.judges) < set(map(str, event.pool))
    assert len(event.pool) == len(crew.judges) + 1


async def test_whoever_reads_the_log_can_make_the_draw_again(crew: Crew) -> None:
    for number in ("1.1", "1.2", "1.3"):
        await implemented(crew.family, number)
    recorded = await crew.family.user.recorded()
    (end,) = [
        bytes.fromhex(event.public) for tag, event in recorded if tag == "purpose_key.made" and event.purpose == "draw"
    ]
    draws = [event for tag, event in recorded if tag == "story.verifier_drawn"]
    stories = {event.verifier_dispatch_id: event for event in draws}
    assert [event.draw for event in draws] == [1, 2, 3]
    assert stories
    for event in draws:
        seed = bytes.fromhex(event.seed)
        assert follows(seed, end)
        end = seed
    tags = [tag for tag, _ in recorded]
    assert tags.index("purpose_key.made") < tags.index("story.verifier_drawn")


async def test_asking_again_draws_nobody_else(crew: Crew) -> None:
    story = await implemented(crew.family, "1.1")
    before = await drawn(crew, story)
    assert await crew.family.does("implementer", story, "request-review") == (200, "")
    assert await crew.family.does("session", story, "draw-verifier") == (409, "verifier_drawn")
    assert await drawn(crew, story) == before


async def test_when_the_drawn_one_has_ended_another_is_drawn(crew: Crew) -> None:
    story = await implemented(crew.family, "1.1")
    first = str((await drawn(crew, story)).verifier_dispatch_id)
    assert (await crew.family.user.post(f"/dispatches/{first}/revoke")).status == 200
    assert await crew.family.does("session" if first in crew.judges else "judge 0", story, "draw-verifier") == (200, "")
    second = await drawn(crew, story)
    assert second.draw == 2
    assert first not in map(str, second.pool)


async def test_with_nobody_to_draw_the_story_says_so_until_somebody_is_there(crew: Crew, served: Service) -> None:
    user = crew.family.user
    assert (await user.patch("/tenants/me", {"settings": {"lineage_policy": "strict"}})).status == 200
    for dispatch in crew.judges:
        assert (await user.post(f"/dispatches/{dispatch}/revoke")).status == 200
    (session,) = (await user.get("/dispatches?role=orchestrator&active_only=true")).json()["data"]
    assert session["human_root"] is True
    assert (await user.patch("/tenants/me", {"settings": {"verifier_binding": True}})).status == 200
    story = await implemented(crew.family, "1.1")
    assert (await user.shown(story))["verifier_dispatch_id"] == session["id"]
    assert (await user.post(f"/dispatches/{session['id']}/revoke")).status == 200
    drawn_again = await user.post(f"/stories/{story}/draw-verifier")
    assert drawn_again.status == 200, drawn_again.body
    assert offered(drawn_again) == ["draw_verifier"], "as long as nobody is drawn"
    shown = await user.shown(story)
    assert (shown["verifier_dispatch_id"], shown["verifier_needed"]) == (None, True)
    agents: dict[str, str] = {}
    await freed(user, "late", agents, "orchestrator")
    late = (await minted(user, "orchestrator", agent_id=agents["late"]))["dispatch"]["id"]
    answer = await user.post(f"/stories/{story}/draw-verifier")
    assert (answer.status, offered(answer)) == (200, [])
    assert (await user.shown(story))["verifier_dispatch_id"] == late


def offered(answer: Any) -> list[str]:
    return [each["action"] for each in answer.json()["next_actions"]]


async def test_the_drawn_one_alone_verifies_where_the_tenant_binds_to_it(crew: Crew) -> None:
    user = crew.family.user
    assert (await user.patch("/tenants/me", {"settings": {"verifier_binding": True}})).status == 200
    story = await implemented(crew.family, "1.1")
    chosen = str((await drawn(crew, story)).verifier_dispatch_id)
    names = {dispatch: f"judge {place}" for place, dispatch in enumerate(crew.judges)}
    name = names.get(chosen, "session")
    other = next(each for each in names.values() if each != name)
    assert await crew.family.does(other, story, "report") == (200, "")
    assert await crew.family.does(other, story, "review-complete", JUDGED) == (201, "")
    assert await crew.family.does(other, story, "verify", JUDGED) == (409, "not_drawn_verifier")
    item = {"story_id": story, **JUDGED}
    bulk = await crew.family.who[other].post("/stories/bulk/verify", {"stories": [item]})
    assert bulk.json()["results"][0]["code"] == "not_drawn_verifier"
    assert await crew.family.does(name, story, "verify", JUDGED) == (202, "")


async def test_a_rejection_draws_anew(crew: Crew) -> None:
    story = await implemented(crew.family, "1.1")
    names = list(crew.family.who)
    assert await crew.family.does(names[-1], story, "report") == (200, "")
    assert await crew.family.does(names[-1], story, "reject", {"reason": "no"}) == (200, "")
    assert (await crew.family.user.shown(story))["verifier_dispatch_id"] is None


def test_draws_are_even_and_what_is_public_does_not_tell() -> None:
    """Chi square of 20,000 draws among seven; and who knows everything but the next seed guesses no better."""
    chain, pool = chain_of(b"a secret" * 4), [uuid4() for _ in range(7)]
    counts: Counter[UUID] = Counter()
    guessed = 0
    for draw in range(1, 4097):
        for _ in range(5):
            story = uuid4()
            chosen = drawn_by(chain[draw], story, pool)
            counts[chosen] += 1
            guessed += chosen == drawn_by(chain[draw - 1], story, pool)
    total = sum(counts.values())
    expected = total / len(pool)
    chi = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi < 22.5  # p = 0.001 with six degrees of freedom
    assert abs(guessed / total - 1 / 7) < 0.02


def test_no_other_seed_follows() -> None:
    chain = chain_of(b"secret")
    assert follows(chain[1], chain[0])
    assert not follows(chain[2], chain[0])
    assert not follows(sha256(chain[0]).digest(), chain[0])
