"""Learning from reviews, over HTTP and with the learner beside: drafts, each once, of whoever taught them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import Struct

from api.knowledge.learning import Learner
from eventstore.log.lane import Writer
from tests.api.logs import NOON, Service, service
from tests.api.team import Team, team
from tests.support.database import TestDatabase, copied_database, session

CRITERIA = [{"id": "AC-1", "description": "It works"}]
FOUND = {"review_type": "team", "findings_count": 2, "fixes_count": 2}


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


class School(Struct, frozen=True):
    """``wanted`` are the tenants that were told of a review."""

    people: Team
    epic: str
    learner: Learner
    wanted: list[Any]

    async def reported(self, number: str) -> str:
        story = await self.people.user.story(self.epic, number, title=f"Story {number}", acceptance_criteria=CRITERIA)
        for who, step, body in (
            (self.people.implementer, "contract", {"story_title": f"Story {number}", "ac_count": 1}),
            (self.people.implementer, "claim", {}), (self.people.implementer, "start", {}),
            (self.people.other, "report", {}),
        ):  # fmt: skip
            answer = await who.post(f"/stories/{story}/{step}", body)
            assert answer.status == 200, answer.body
        return story

    async def review(self, number: str, summary: str, **more: Any) -> str:
        story = await self.reported(number)
        answer = await self.people.reviewer.post(
            f"/stories/{story}/review-complete", {**FOUND, "summary": summary, **more}
        )
        assert answer.status == 201, answer.body
        return story

    async def learn(self) -> int:
        return await self.learner.look(self.people.user.tenant, NOON)

    async def drafts(self) -> list[Any]:
        found: list[Any] = (await self.people.orchestrator.get("/knowledge/drafts?limit=100")).json()["data"]
        return found

    async def pipeline(self) -> Any:
        return (await self.people.orchestrator.get("/knowledge/pipeline")).json()["data"]


@pytest.fixture
async def school(shared: TestDatabase) -> AsyncIterator[School]:
    wanted: list[Any] = []
    async with service(shared, reviewed=wanted.append) as running:
        yield await opened(running, wanted)


async def opened(running: Service, wanted: list[Any]) -> School:
    people = await team(running)
    epic = await people.user.epic(await people.user.project())
    learner = Learner(running.store.database, Writer(running.store).submit)
    return School(people, epic, learner, wanted)


async def test_a_review_leaves_drafts_that_name_their_story_and_tells_the_learner(school: School) -> None:
    story = await school.review("1.1", "- The lock is held too long\n- Retries multiply")
    assert school.wanted == [school.people.user.tenant]
    assert (await school.pipeline())["pending_extractions"] == 1
    assert await school.learn() == 1
    drafts = await school.drafts()
    assert {each["title"] for each in drafts} == {
        "The lock is held too long (story 1.1)",
        "Retries multiply (story 1.1)",
    }
    assert {(each["status"], each["story_id"]) for each in drafts} == {("draft", story)}
    pipeline = await school.pipeline()
    assert (pipeline["pending_extractions"], len(pipeline["recent_drafts"]), pipeline["publish_rate"]) == (0, 2, 0.0)


async def test_learned_twice_nothing_is_there_twice(school: School, shared: TestDatabase) -> None:
    """By a second process, and by one that knows nothing of what was learned."""
    await school.review("1.1", "- The lock is held too long")
    await school.learn()
    before = await school.drafts()
    assert await school.learn() == 0
    async with session(shared.migrator_url) as connection:
        await connection.execute("SET ROLE loopctl_owner")
        await connection.execute("DELETE FROM app.review_lesson")
    assert (await school.learn(), await school.drafts()) == (1, before)


async def test_what_two_reviews_found_is_one_draft_that_names_both(school: School) -> None:
    await school.review("1.1", "- The lock is held too long")
    await school.review("1.2", "- the lock is held too long.")
    assert await school.learn() == 2
    (draft,) = await school.drafts()
    assert "story 1.1, Story 1.1" in draft["body"]
    assert "story 1.2, Story 1.2" in draft["body"]


async def test_nothing_is_published_but_by_somebody_and_the_rate_says_how_much(school: School) -> None:
    """Appendix B, 6: two published and one draft."""
    await school.review("1.1", "- one\n- two\n- three")
    await school.learn()
    assert {each["status"] for each in await school.drafts()} == {"draft"}
    for each in (await school.drafts())[:2]:
        assert (await school.people.orchestrator.post(f"/articles/{each['id']}/publish")).status == 200
    assert (await school.pipeline())["publish_rate"] == 0.6667


async def test_a_tenant_that_does_not_want_it_is_taught_nothing(school: School) -> None:
    answer = await school.people.user.patch("/tenants/me", {"settings": {"knowledge_auto_extract": False}})
    assert answer.status == 200, answer.body
    await school.review("1.1", "- The lock is held too long")
    assert await school.learn() == 1
    assert await school.drafts() == []
    assert (await school.pipeline())["auto_extract_enabled"] is False
    refused = await school.people.user.patch("/tenants/me", {"settings": {"knowledge_auto_extract": "no"}})
    assert refused.status == 422


async def test_a_review_that_found_nothing_is_looked_at_once(school: School) -> None:
    await school.review("1.1", "All seen.", findings_count=0, fixes_count=0)
    assert (await school.learn(), await school.learn()) == (1, 0)
    assert await school.drafts() == []


async def test_a_hundred_reviews_leave_drafts_of_a_hundred_stories(school: School) -> None:
    stories = {await school.review(f"1.{number}", f"- Finding number {number}") for number in range(1, 101)}
    looked = [await school.learn() for _ in range(3)]
    assert looked == [50, 50, 0]
    drafts = await school.drafts()
    assert {each["story_id"] for each in drafts} == stories
    assert len(drafts) == 100
