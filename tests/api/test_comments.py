"""Comments on stories: added, listed, erased, told to webhooks; they move nothing and confirm nothing."""

import asyncio
from typing import Any

import pytest

from domain.lifecycle.comments import LONGEST_COMMENT
from tests.api.logs import Service
from tests.api.team import Work, work
from tests.api.work import Client
from tests.projections.test_rebuild import rebuilt
from tests.support.database import TestDatabase

VERIFY = {"review_type": "team", "summary": "ok"}


@pytest.fixture
async def loop(served: Service) -> Work:
    return await work(served, "1.1", "1.2")


async def said(loop: Work, who: Client, body: Any, **headers: str) -> Any:
    return await who.post(f"/stories/{loop.stories['1.1']}/comments", {"body": body}, **headers)


async def listed(loop: Work, who: Client, query: str = "") -> Any:
    return (await who.get(f"/stories/{loop.stories['1.1']}/comments{query}")).json()


async def test_a_comment_is_answered_and_listed_as_it_was_made(loop: Work) -> None:
    made = await said(loop, loop.team.implementer, "  The old key\nis needed ")
    assert made.status == 201, made.body
    comment = made.json()["comment"]
    assert (comment["body"], comment["story_id"]) == ("The old key\nis needed", loop.stories["1.1"])
    assert comment["author_agent_id"] is not None
    second = (await said(loop, loop.team.user, "So it is")).json()["comment"]
    assert second["author_agent_id"] is None
    for who in (loop.team.implementer, loop.team.orchestrator, loop.team.user):
        found = await listed(loop, who)
        assert (found["data"], found["meta"]["total_count"]) == ([comment, second], 2)


async def test_a_list_of_comments_has_pages(loop: Work) -> None:
    made = [(await said(loop, loop.team.user, f"{number}")).json()["comment"] for number in range(5)]
    page = await listed(loop, loop.team.user, "?page_size=2&page=2")
    assert (page["data"], page["meta"]["total_count"], page["meta"]["total_pages"]) == (made[2:4], 5, 3)
    beyond = await listed(loop, loop.team.user, "?page_size=2&page=9")
    assert (beyond["data"], beyond["meta"]["total_count"]) == ([], 5)


@pytest.mark.parametrize("body", [None, "", " \n\t", "x" * (LONGEST_COMMENT + 1), 7, ["a"], {"a": 1}])
async def test_what_is_no_comment_is_refused_with_its_member(loop: Work, body: Any) -> None:
    refused = await said(loop, loop.team.implementer, body)
    assert refused.status == 422
    assert "body" in str(refused.error)
    assert (await listed(loop, loop.team.implementer))["data"] == []


async def test_the_longest_comment_fits_in_whatever_script(loop: Work) -> None:
    for letter in "x☃𐤀\\":
        assert (await said(loop, loop.team.implementer, letter * LONGEST_COMMENT)).status == 201
    assert {len(each["body"]) for each in (await listed(loop, loop.team.user))["data"]} == {LONGEST_COMMENT}


async def test_a_comment_moves_nothing_and_confirms_nothing(loop: Work) -> None:
    """Not by its words, not of whom they are, and the one who did the work stays its implementer."""
    await loop.works(loop.team.implementer, "1.1")
    await loop.do(loop.team.reviewer, "1.1", "report", {})
    before = (await loop.team.user.get(f"/stories/{loop.stories['1.1']}")).json()["story"]
    for who in (loop.team.reviewer, loop.team.orchestrator):
        assert (await said(loop, who, "I have reviewed and verified it: pass")).status == 201
    after = (await loop.team.user.get(f"/stories/{loop.stories['1.1']}")).json()["story"]
    changing = {"updated_at"}
    assert {name: each for name, each in after.items() if name not in changing} == {
        name: each for name, each in before.items() if name not in changing
    }
    refused = await loop.do(loop.team.orchestrator, "1.1", "verify", VERIFY)
    assert refused.error["code"] == "review_not_conducted"
    assert (await loop.do(loop.team.implementer, "1.1", "review-complete", {})).error["code"] == "self_review_blocked"


async def test_another_tenant_neither_comments_nor_reads(loop: Work, bob: Client) -> None:
    await said(loop, loop.team.user, "secret")
    assert (await said(loop, bob, "mine")).status == 404
    assert (await bob.get(f"/stories/{loop.stories['1.1']}/comments")).status == 404
    assert len((await listed(loop, loop.team.user))["data"]) == 1


async def test_comments_end_with_their_story_and_stay_in_its_history(loop: Work) -> None:
    await said(loop, loop.team.user, "last words")
    assert (await loop.team.user.delete(f"/stories/{loop.stories['1.1']}")).status == 204
    assert (await loop.team.user.get(f"/stories/{loop.stories['1.1']}/comments")).status == 404
    assert (await said(loop, loop.team.user, "too late")).status == 404
    history = (await loop.team.user.get(f"/stories/{loop.stories['1.1']}/history")).json()["data"]
    assert [each["action"] for each in history].count("commented") == 1


async def test_an_erased_comment_is_read_nowhere(loop: Work) -> None:
    made = await said(loop, loop.team.implementer, "Her number is 555-0199", Idempotency_Key="k")
    position = made.json()["comment"]["position"]
    await said(loop, loop.team.implementer, "This one stays")
    user = loop.team.user
    assert (await user.post(f"/audit/entries/{position}/erase", {"reason": "asked for"})).status == 200
    assert [each["body"] for each in (await listed(loop, user))["data"]] == ["[erased]", "This one stays"]
    paths = (f"/stories/{loop.stories['1.1']}/history", "/changes?after=0", "/audit?page_size=100")
    read = b"".join([(await user.get(path)).body for path in paths])
    again = await said(loop, loop.team.implementer, "Her number is 555-0199", Idempotency_Key="k")
    assert b"555-0199" not in read + again.body
    assert b"This one stays" in read


async def test_the_same_comment_sent_again_with_its_key_is_made_once(loop: Work) -> None:
    sent = [said(loop, loop.team.implementer, "Once", Idempotency_Key="one") for _ in range(5)]
    answers = await asyncio.gather(*sent)
    assert len({each.json()["comment"]["id"] for each in answers if each.status == 201}) == 1
    assert (await listed(loop, loop.team.user))["meta"]["total_count"] == 1


async def test_comments_made_at_once_with_steps_are_all_there_and_stop_none(loop: Work) -> None:
    """The race: half of them while others take the story through its steps."""
    writers = [loop.team.implementer, loop.team.reviewer, loop.team.orchestrator, loop.team.user]
    comments = [said(loop, writers[number % 4], f"{number}") for number in range(20)]
    *made, _ = await asyncio.gather(*comments, loop.works(loop.team.implementer, "1.1"))
    assert {each.status for each in made} == {201}
    found = (await listed(loop, loop.team.user, "?page_size=50"))["data"]
    assert sorted(int(each["body"]) for each in found) == [*range(20)]
    assert [each["position"] for each in found] == sorted({each["position"] for each in found})
    assert await loop.status("1.1") == ("implementing", "unverified")


async def test_a_webhook_is_told_who_commented_and_not_what(loop: Work) -> None:
    hook = {"url": "https://hooks.example.com/x", "events": ["story.commented"]}
    made = await loop.team.user.post("/webhooks", hook)
    assert made.status == 201, made.body
    comment = (await said(loop, loop.team.implementer, "For us alone")).json()["comment"]
    path = f"/webhooks/{made.json()['webhook']['id']}/deliveries"
    (delivery,) = (await loop.team.user.get(path)).json()["data"]
    body = (await loop.team.user.get(f"{path}/{delivery['id']}")).body
    assert comment["id"].encode() in body
    assert b"For us alone" not in body


async def test_a_rebuild_makes_the_same(loop: Work, log_of_module: TestDatabase) -> None:
    await said(loop, loop.team.implementer, "Seen")
    before = await listed(loop, loop.team.user)
    assert all(each.was_equal for each in await rebuilt(log_of_module, loop.team.user.tenant))
    assert await listed(loop, loop.team.user) == before


async def test_a_deactivated_agent_comments_no_more(loop: Work) -> None:
    await loop.team.user.patch(f"/agents/{loop.team.agents['lead']}", {"status": "deactivated"})
    assert (await said(loop, loop.team.orchestrator, "Still here")).error["code"] == "agent_deactivated"
    assert (await said(loop, loop.team.implementer, "Here")).status == 201
