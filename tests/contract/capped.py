"""Stories with a capability that is somebody else's, or used, or too old: the story, and the capability's id."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.capability import CapabilityMinted, CapabilityType, slot_of
from tests.api.asgi import Answer
from tests.api.logs import NOON
from tests.api.team import work, worker
from tests.api.work import Client

ECHO = {"story_title": "A story", "ac_count": 1}
JUDGEMENT = {"review_type": "team", "summary": "all seen"}


async def done(asked: Any) -> Answer:
    answer: Answer = await asked
    assert answer.status < 300, answer.body
    return answer


async def freed(user: Client, name: str, agents: dict[str, str], kind: str = "implementer") -> None:
    """An agent without a long-lived key."""
    own = await worker(user, name, agents, kind)
    held = (await own.get("/tenants/me")).json()["api_key"]["id"]
    await done(user.delete(f"/api_keys/{held}"))


async def dispatched(user: Client, role: str, agent_id: str) -> tuple[Client, str]:
    """Whoever has the new dispatch's key, and the dispatch."""
    made = (await done(user.post("/dispatches", {"role": role, "agent_id": agent_id}))).json()["data"]
    return Client(user.service, user.tenant, made["api_key"]["raw_key"]), made["dispatch"]["id"]


async def picked(side: Any, story: str, who: str, typ: str) -> str:
    """A capability of this caller's."""
    answer = await done(side.caller(who).post(f"/stories/{story}/recover-cap", {"cap_type": typ}))
    found: str = answer.json()["data"]["cap_id"]
    return found


async def capped_start(side: Any) -> tuple[str, str]:
    """A story whose holder has another dispatch than the one that it claimed under, and a capability of that."""
    agents: dict[str, str] = {}
    await freed(side.team.user, name := await side.make_name(), agents)
    story: str = await side.make("story")
    client, dispatch = await dispatched(side.team.user, "agent", agents[name])
    await done(client.post(f"/stories/{story}/contract", ECHO))
    claimed = await done(client.post(f"/stories/{story}/claim"))
    await done(side.team.user.post(f"/dispatches/{dispatch}/revoke"))
    side.others["newcomer"], _ = await dispatched(side.team.user, "agent", agents[name])
    return story, claimed.json()["capability"]["cap_id"]


async def capped_report(side: Any) -> tuple[str, str]:
    story: str = await side.make("implementing")
    return story, await picked(side, story, "reviewer", "report_cap")


async def capped_review(side: Any) -> tuple[str, str]:
    story: str = await side.make("reported")
    return story, await picked(side, story, "reviewer", "review_complete_cap")


async def capped_verify(side: Any) -> tuple[str, str]:
    story: str = await side.make("reviewed")
    return story, await picked(side, story, "orchestrator", "verify_cap")


async def used_start(side: Any) -> tuple[str, str]:
    story: str = await side.make("claimed")
    token = await picked(side, story, "implementer", "start_cap")
    for action, body in (("start", {"cap_id": token}), ("unclaim", {}), ("contract", ECHO), ("claim", {})):
        await done(side.team.implementer.post(f"/stories/{story}/{action}", body))
    return story, token


async def used_report(side: Any) -> tuple[str, str]:
    story: str = await side.make("implementing")
    token = await picked(side, story, "other", "report_cap")
    await done(side.team.other.post(f"/stories/{story}/report", {"cap_id": token}))
    await done(side.team.orchestrator.post(f"/stories/{story}/reject", {"reason": "no"}))
    for action, body in (("contract", ECHO), ("claim", {}), ("start", {})):
        await done(side.team.implementer.post(f"/stories/{story}/{action}", body))
    return story, token


async def used_review(side: Any) -> tuple[str, str]:
    story: str = await side.make("reported")
    token = await picked(side, story, "other", "review_complete_cap")
    body = {"review_type": "team", "cap_id": token}
    await done(side.team.other.post(f"/stories/{story}/review-complete", body))
    return story, token


async def used_verify(side: Any) -> tuple[str, str]:
    story: str = await side.make("reviewed")
    token = await picked(side, story, "orchestrator", "verify_cap")
    await done(side.team.orchestrator.post(f"/stories/{story}/verify", {**JUDGEMENT, "cap_id": token}))
    return story, token


async def expired_start(side: Any) -> tuple[str, str]:
    return await _expired(side, "claimed", "implementer", "start_cap")


async def expired_report(side: Any) -> tuple[str, str]:
    return await _expired(side, "implementing", "other", "report_cap")


async def expired_review(side: Any) -> tuple[str, str]:
    return await _expired(side, "reported", "other", "review_complete_cap")


async def expired_verify(side: Any) -> tuple[str, str]:
    return await _expired(side, "reviewed", "orchestrator", "verify_cap")


async def _expired(side: Any, state: str, who: str, typ: CapabilityType) -> tuple[str, str]:
    """As it was made an hour ago and more."""
    story, token = UUID(await side.make(state)), uuid4()
    key_id = UUID((await side.caller(who).get("/tenants/me")).json()["api_key"]["id"])
    old = CapabilityMinted(
        cap_id=token, typ=typ, story_id=story, project_id=UUID(side.project), lineage=(key_id,),
        expires_at=NOON - timedelta(minutes=1), nonce="n",
    )  # fmt: skip
    await side.team.user.happens("capability", str(slot_of(story, typ)), old)
    return str(story), str(token)


async def bound_reviewed(side: Any) -> str:
    """Of a tenant that binds to the drawn verifier, whose orchestrator is ``bound``; nobody could be drawn."""
    laid_out = await work(side.team.user.service)
    side.others["bound"] = laid_out.team.orchestrator
    settings = {"settings": {"verifier_binding": True}}
    await done(laid_out.team.user.patch("/tenants/me", settings))
    await laid_out.works(laid_out.team.implementer, "1.1")
    await laid_out.reviews(laid_out.team.other, "1.1")
    return laid_out.stories["1.1"]


async def bound_drawn(side: Any) -> str:
    """And another was drawn."""
    laid_out = await work(side.team.user.service)
    side.others["bound"], agents = laid_out.team.orchestrator, dict[str, str]()
    await done(laid_out.team.user.patch("/tenants/me", {"settings": {"verifier_binding": True}}))
    await freed(laid_out.team.user, "drawn", agents, "orchestrator")
    await dispatched(laid_out.team.user, "orchestrator", agents["drawn"])
    await laid_out.works(laid_out.team.implementer, "1.1")
    await laid_out.reviews(laid_out.team.other, "1.1")
    return laid_out.stories["1.1"]


CAPPED: Mapping[str, Callable[[Any], Awaitable[Any]]] = {
    "bound_drawn": bound_drawn,
    "bound_reviewed": bound_reviewed,
    "capped_start": capped_start,
    "capped_report": capped_report,
    "capped_review": capped_review,
    "capped_verify": capped_verify,
    "used_start": used_start,
    "used_report": used_report,
    "used_review": used_review,
    "used_verify": used_verify,
    "expired_start": expired_start,
    "expired_report": expired_report,
    "expired_review": expired_review,
    "expired_verify": expired_verify,
}
"""By kind."""
