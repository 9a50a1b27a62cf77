"""The table of lineage policies, over HTTP: the implementer's own child, sibling and parent, and whom it has dispatched
with another key, each at report, review-complete, verify and reject, single and in bulk."""

from typing import Any

import pytest
from msgspec import Struct

from domain.capability import CONSUMED_BY
from tests.api.logs import Service
from tests.api.team import key, worker
from tests.api.test_dispatches import as_dispatched, minted
from tests.api.work import Client, client

POLICIES = ("agent", "ancestry", "strict")
FREED = {
    "session": "orchestrator", "implementer": "orchestrator", "child": "implementer", "sibling": "orchestrator",
    "stranger": "orchestrator", "minted": "orchestrator",
}  # fmt: skip
JUDGED = {"review_type": "team", "summary": "ok", "reason": "no"}


class Family(Struct, frozen=True):
    user: Client
    who: dict[str, Client]
    epic: str

    async def does(self, name: str, story: str, action: str, body: Any = None) -> tuple[int, str]:
        """With the capability that the step takes, when this one gets it."""
        cap_id = await self.capability(name, story, action)
        said = {**(body or {}), **({"cap_id": cap_id} if cap_id else {})}
        answer = await self.who[name].post(f"/stories/{story}/{action}", said)
        return answer.status, answer.json().get("error", {}).get("code", "")

    async def capability(self, name: str, story: str, action: str) -> str | None:
        typ = CONSUMED_BY.get(action)
        if typ is None:
            return None
        answer = await self.who[name].post(f"/stories/{story}/recover-cap", {"cap_type": typ})
        found: str | None = answer.json()["data"]["cap_id"] if answer.status == 201 else None
        return found


@pytest.fixture
async def family(served: Service) -> Family:
    """``session`` is below a long-lived orchestrator's key; implementer, sibling and stranger's are dispatches."""
    user = await client(served)
    agents: dict[str, str] = {}
    for name, kind in FREED.items():
        own = await worker(user, name, agents, kind)
        id_ = (await own.get("/tenants/me")).json()["api_key"]["id"]
        assert (await user.delete(f"/api_keys/{id_}")).status == 200
    lead = await key(user, "orchestrator", agents["session"])
    second = await key(user, "orchestrator", agents["implementer"])
    implementer = await minted(lead, agent_id=agents["implementer"])
    below = {"agent_id": agents["child"], "parent_dispatch_id": implementer["dispatch"]["id"]}
    who = {
        "parent": lead,
        "implementer": as_dispatched(user, implementer),
        "child": as_dispatched(user, await minted(lead, **below)),
        "sibling": as_dispatched(user, await minted(lead, "orchestrator", agent_id=agents["sibling"])),
        "stranger": as_dispatched(user, await minted(user, "orchestrator", agent_id=agents["stranger"])),
        "minted": as_dispatched(user, await minted(second, "orchestrator", agent_id=agents["minted"])),
    }
    epic = await user.epic(await user.project())
    return Family(user, who, epic)


async def implemented(family: Family, number: str) -> str:
    story = await family.user.story(family.epic, number, title="T")
    steps = (
        ("contract", {"story_title": "T", "ac_count": 0}),
        ("claim", None),
        ("start", None),
        ("request-review", None),
    )
    for action, body in steps:
        status, code = await family.does("implementer", story, action, body)
        assert status == 200, code
    return story


MAY = {
    "implementer": (),
    "child": ("agent",),
    "minted": ("agent",),
    "sibling": ("agent", "ancestry"),
    "parent": ("agent", "ancestry"),
    "stranger": POLICIES,
}
"""Who may confirm the implementer's work, under which policies."""


@pytest.mark.parametrize("policy", POLICIES)
async def test_who_may_confirm_the_work_of_the_implementer(family: Family, policy: str) -> None:
    assert (await family.user.patch("/tenants/me", {"settings": {"lineage_policy": policy}})).status == 200
    for place, (name, policies) in enumerate(MAY.items(), 1):
        may, judges = policy in policies, name not in ("implementer", "child")
        story = await implemented(family, f"1.{place}")
        reported = await family.does(name, story, "report")
        assert reported == ((200, "") if may else (409, "self_report_blocked")), (name, policy)
        if not may:
            assert await family.does("stranger", story, "report") == (200, "")
        reviewed = await family.does(name, story, "review-complete", JUDGED)
        assert reviewed == ((201, "") if may else (409, "self_review_blocked")), (name, policy)
        if not may:
            assert await family.does("stranger", story, "review-complete", JUDGED) == (201, "")
        if judges:
            await judged(family, name, story, may=may)


async def judged(family: Family, name: str, story: str, *, may: bool) -> None:
    if not may:
        for action in ("verify", "reject"):
            assert await family.does(name, story, action, JUDGED) == (409, "self_verify_blocked"), name
    for action in ("reject", "verify") if not may else ("verify", "reject"):
        cap_id = await family.capability(name, story, action)
        item = {"story_id": story, **JUDGED, **({"cap_id": cap_id} if cap_id else {})}
        answer = await family.who[name].post(f"/stories/bulk/{action}", {"stories": [item]})
        (result,) = answer.json()["results"]
        assert result["status"] == ("success" if may else "error"), (name, action, result)
        assert may or result["code"] == "self_verify_blocked"


async def test_an_agent_key_below_the_implementer_cannot_verify_at_all(family: Family) -> None:
    story = await implemented(family, "1.1")
    assert await family.does("child", story, "verify", JUDGED) == (403, "insufficient_role")


async def test_the_claim_names_the_whole_lineage_in_the_log(family: Family) -> None:
    await implemented(family, "1.1")
    (claimed,) = [event for tag, event in await family.user.recorded() if tag == "story.claimed"]
    key_id = (await family.who["parent"].get("/tenants/me")).json()["api_key"]["id"]
    assert [str(each) for each in claimed.lineage] == [key_id, str(claimed.dispatch_id)]
    assert len(claimed.minters) == 1
    assert claimed.human_root is False
