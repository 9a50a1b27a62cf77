"""Who a key is, and what that lets it do to a story: the type of its agent, and what the agent has claimed before."""

from collections.abc import AsyncIterator

import pytest

from tests.api.logs import service
from tests.api.team import Work, older_key, work, worker
from tests.support.database import TestDatabase

ECHO = {"story_title": "Story 1.1", "ac_count": 2}
VERIFY = {"review_type": "team", "summary": "ok"}


@pytest.fixture
async def loop(log_of_module: TestDatabase) -> AsyncIterator[Work]:
    async with service(log_of_module) as running:
        yield await work(running, "1.1")


async def test_only_an_agent_of_type_orchestrator_judges(loop: Work) -> None:
    """Went red while any agent could have an orchestrator's key; older logs have such keys."""
    agents: dict[str, str] = {}
    await worker(loop.team.user, "ivy", agents)
    body = {"name": "k", "role": "orchestrator", "agent_id": agents["ivy"]}
    refused = await loop.team.user.post("/api_keys", body)
    assert (refused.status, refused.error["code"]) == (422, "orchestrator_agent_required")
    older = await older_key(loop.team.user, "orchestrator", agents["ivy"])
    await loop.works(loop.team.implementer, "1.1")
    await loop.reviews(loop.team.reviewer, "1.1")
    story = loop.stories["1.1"]
    for path, body in (
        ("verify", VERIFY), ("reject", {"reason": "x"}), ("force-unclaim", {}), ("backfill", {"reason": "x"}),
    ):  # fmt: skip
        refused = await loop.do(older, "1.1", path, body)
        assert (refused.status, refused.error["code"]) == (422, "orchestrator_agent_required"), path
    for path in ("verify", "reject", "mark-complete"):
        refused = await older.post(f"/stories/bulk/{path}", {"stories": [{"story_id": story, "reason": "x"}]})
        assert (refused.status, refused.error["code"]) == (422, "orchestrator_agent_required"), path
    assert (await loop.do(loop.team.orchestrator, "1.1", "verify", VERIFY)).status == 202


async def test_an_older_orchestrator_key_of_another_agent_or_of_none_is_not_renewed(loop: Work) -> None:
    """Went red while its rotation made a new one of them."""
    user, agents = loop.team.user, dict[str, str]()
    await worker(user, "ivy", agents)
    for agent_id in (agents["ivy"], None):
        older = await older_key(user, "orchestrator", agent_id)
        known = (await older.get("/tenants/me")).json()["api_key"]["id"]
        refused = await user.post(f"/api_keys/{known}/rotate")
        assert (refused.status, refused.error["code"]) == (422, "orchestrator_agent_required")
    known = (await loop.team.orchestrator.get("/tenants/me")).json()["api_key"]["id"]
    assert (await user.post(f"/api_keys/{known}/rotate")).status in (200, 201), "the control"


async def test_who_claims_and_gives_back_is_an_implementer_until_the_reset(loop: Work) -> None:
    """Went red while only whoever had started counted."""
    team = loop.team
    for action, body in (("contract", ECHO), ("claim", None), ("unclaim", None)):
        assert (await loop.do(team.reviewer, "1.1", action, body)).status == 200
    await loop.works(team.implementer, "1.1")
    refused = await loop.do(team.reviewer, "1.1", "report")
    assert (refused.status, refused.error["code"]) == (409, "self_report_blocked")
    assert (await loop.do(team.other, "1.1", "report")).status == 200
    refused = await loop.do(team.reviewer, "1.1", "review-complete", {"review_type": "team"})
    assert (refused.status, refused.error["code"]) == (409, "self_review_blocked")
    assert (await loop.do(team.orchestrator, "1.1", "reject", {"reason": "no"})).status == 200
    await loop.works(team.implementer, "1.1")
    assert (await loop.do(team.reviewer, "1.1", "report")).status == 200
