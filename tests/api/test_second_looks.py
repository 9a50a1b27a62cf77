"""What a review of the routes found: requests with one key side by side, agents that are deactivated, odd values."""

import asyncio
from typing import Any

import pytest

from api.commands import submit
from api.http.exchange import NO_CONTENT
from tests.api.asgi import ask
from tests.api.logs import Service
from tests.api.team import Work, work

SAID = {"review_type": "team", "summary": "all seen"}


@pytest.fixture
async def ready(served: Service) -> Work:
    """Two stories that can be verified."""
    done = await work(served, "1.1", "1.2")
    for number in ("1.1", "1.2"):
        await done.works(done.team.implementer, number)
        await done.reviews(done.team.reviewer, number)
    return done


class Slow:
    """Holds up the first answer that is kept as a whole until it is told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waits, self.go_on, self._real = asyncio.Event(), asyncio.Event(), submit
        self._calls = 0
        monkeypatch.setattr("api.lifecycle.once.submit", self._submit)

    async def _submit(self, *given: Any) -> Any:
        self._calls += 1
        if self._calls == 2:  # the first one says what is to be done
            self.waits.set()
            await self.go_on.wait()
        return await self._real(*given)


async def test_verify_all_says_the_same_to_every_request_with_its_key(
    ready: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, path = Slow(monkeypatch), f"/epics/{ready.epic}/verify-all"
    lead = ready.team.orchestrator
    first = asyncio.create_task(lead.post(path, SAID, Idempotency_Key="all"))
    await slow.waits.wait()
    second = await lead.post(path, SAID, Idempotency_Key="all")
    slow.go_on.set()
    answers = [await first, second, await lead.post(path, SAID, Idempotency_Key="all")]
    assert [answer.json()["verified_count"] for answer in answers] == [2, 2, 2]


async def test_another_bulk_request_with_a_used_key_is_refused_before_anything_is_done(
    ready: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, lead = Slow(monkeypatch), ready.team.orchestrator

    def verifying(number: str) -> Any:
        body = {"stories": [{"story_id": ready.stories[number], **SAID}]}
        return lead.post("/stories/bulk/verify", body, Idempotency_Key="one")

    first = asyncio.create_task(verifying("1.1"))
    await slow.waits.wait()
    other = await verifying("1.2")
    slow.go_on.set()
    assert (other.status, other.error["code"]) == (422, "idempotency_key_reused")
    assert (await first).status == 200
    assert [await ready.status(number) for number in ("1.1", "1.2")] == [
        ("reported_done", "verified"), ("reported_done", "unverified")
    ]  # fmt: skip


async def test_a_deactivated_agent_records_nothing_of_a_story(ready: Work) -> None:
    for name in ("lead", "reviewer"):
        changed = await ready.team.user.patch(f"/agents/{ready.team.agents[name]}", {"status": "deactivated"})
        assert changed.status == 200, changed.body
    story = ready.stories["1.1"]
    (first, *_) = (await ready.team.user.get(f"/stories/{story}/acceptance_criteria")).json()["data"]
    criterion = f"/stories/{story}/acceptance_criteria/{first['ac_id']}"
    answers = [
        await ready.team.orchestrator.patch(criterion, {"status": "verified"}),
        await ready.team.reviewer.post(f"/stories/{story}/artifacts", {"artifact_type": "test", "path": "a.py"}),
    ]
    assert [(answer.status, answer.error["code"]) for answer in answers] == [(403, "agent_deactivated")] * 2


@pytest.mark.parametrize(
    "odd", [{"completed_at": "2026-03-27T12:00:00"}, {"findings_count": 3 * 10**9, "fixes_count": 3 * 10**9}]
)
async def test_a_review_with_a_value_that_cannot_be_kept_is_refused_by_name(served: Service, odd: Any) -> None:
    done = await work(served)
    await done.works(done.team.implementer, "1.1")
    await done.do(done.team.reviewer, "1.1", "report")
    answer = await done.do(done.team.reviewer, "1.1", "review-complete", {"review_type": "team", **odd})
    assert answer.status == 422
    assert next(iter(odd)) in answer.error["details"]


@pytest.mark.parametrize("path", ["/changes/stream", "/audit/export"])
async def test_the_head_of_a_stream_ends_at_once(served: Service, path: str) -> None:
    user = (await work(served)).team.user
    sent = {"Authorization": f"Bearer {user.raw}"}
    async with asyncio.timeout(20):
        answer = await ask(served.app, f"/api/v1{path}", method="HEAD", headers=sent)
    assert (answer.status, answer.body) == (200, b"")


async def test_what_has_no_content_has_neither_type_nor_length(served: Service) -> None:
    done = await work(served)
    answer = await done.team.user.delete(f"/stories/{done.stories['1.1']}")
    assert (answer.status, answer.body) == (NO_CONTENT, b"")
    assert not {"content-type", "content-length"} & answer.headers.keys()
