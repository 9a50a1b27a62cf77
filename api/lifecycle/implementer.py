"""The implementer's routes: contract, claim, start, request-review, heartbeat, unclaim (spec 01, section 3.5)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import structs

from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.lifecycle.drawing import Drawing, with_key
from api.lifecycle.schemas import ContractBody, ForceUnclaimBody, HeldBody, HoldBody, Said, refuse_capability
from api.lifecycle.transitions import Bodies, Transition, TransitionFacts, make
from api.paths import StoryPath
from api.services import Provided, Services
from api.stories.examples import STORY
from api.times import wire_time
from domain.event import Event, Recorded
from domain.lifecycle import implementer as working
from domain.lifecycle.draw import draw_verifier, wants_draw
from domain.lifecycle.identity import Identity
from domain.lifecycle.implementer import Echo, Hold
from domain.lifecycle.refusals import need_orchestrator
from domain.story import Story
from projections.facts.prerequisites import PREREQUISITES

TAGS = ["Lifecycle"]
TRANSITION = ("agent_identity_required", "invalid_transition", "idempotency_key_reused")
WORKING = (*TRANSITION, "agent_deactivated")
HELD = (*WORKING, "not_assigned_agent", "lease_lost", "cap_rejected")
START_ERRORS = (
    "must_contract_first", "must_claim_first", "missing_capability", "wrong_lineage", "consumed_nonce",
    "expired_capability",
)  # fmt: skip
CONTRACT_ERRORS = ("title_mismatch", "contract_mismatch", "insufficient_role")
CLAIM_ERRORS = ("must_contract_first", "dependencies_not_met")
EXAMPLE = {"story": STORY, "next_actions": []}


@post(
    "/api/v1/stories/{story_id:uuid}/contract",
    opt={"access": "=agent,orchestrator", "custody": True, "errors": (*WORKING, *CONTRACT_ERRORS)},
    tags=TAGS,
    summary="Contract a story",
    description="Echo its title and the number of its criteria, to show that they were read.",
    status_code=200,
    responses=answers(200, "The story", EXAMPLE),
)
async def contract_story(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[ContractBody]
) -> Response[bytes]:
    echo = Echo(title=data.story_title, ac_count=data.ac_count, skip=data.skip_contract_check)
    transition = Transition(
        action="contract",
        decide=lambda facts: working.contract(facts.story, facts.who, echo),
        body=Bodies(services, asking).story,
    )
    return await make(services, asking, story_id, transition)


def claim_transition(services: Services, asking: Asking, story_id: UUID, hold: Hold) -> Transition:
    bodies, prerequisites = Bodies(services, asking), PREREQUISITES.need(story_id)

    def decide(facts: TransitionFacts) -> Sequence[Event]:
        return working.claim(facts.story, facts.who, facts.known[prerequisites], hold, services.utc_now())

    def body(facts: TransitionFacts, recorded: Sequence[Recorded]) -> dict[str, Any]:
        return {**bodies.story(facts, recorded), **lease_of(facts)}

    return Transition(action="claim", decide=decide, body=body, needs=(prerequisites,))


@post(
    "/api/v1/stories/{story_id:uuid}/claim",
    opt={"access": "=agent", "custody": True, "errors": (*WORKING, *CLAIM_ERRORS)},
    tags=TAGS,
    summary="Claim a contracted story",
    description="With lease_seconds the claim ends by itself unless its heartbeat goes on; see the fencing token.",
    status_code=200,
    responses=answers(200, "The story", EXAMPLE),
)
async def claim_story(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[HoldBody]
) -> Response[bytes]:
    transition = claim_transition(services, asking, story_id, data.hold())
    return await make(services, asking, story_id, transition)


HeldDecision = Callable[[Story, Identity, Hold, datetime], Sequence[Event]]


def _held(*errors: str) -> dict[str, Any]:
    """What the documentation says of every step of the agent that holds the story."""
    return {
        "opt": {"access": "=agent", "custody": True, "errors": (*HELD, *errors)},
        "tags": TAGS,
        "description": "Only the agent that the story is assigned to may; a fencing token is checked when it is sent.",
        "status_code": 200,
        "responses": answers(200, "The story", EXAMPLE),
    }


@post(
    "/api/v1/stories/{story_id:uuid}/start",
    **_held(*START_ERRORS),
    operation_id="start_story",
    summary="Start the work on a claimed story",
)
async def start_story(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[HeldBody]
) -> Response[bytes]:
    return await make(services, asking, story_id, held_transition(services, asking, "start", data))


@post(
    "/api/v1/stories/{story_id:uuid}/start-work",
    **_held(*START_ERRORS),
    operation_id="start_work_story",
    summary="Start the work on a claimed story (the same as start)",
)
async def start_work_on_story(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[HeldBody]
) -> Response[bytes]:
    return await make(services, asking, story_id, held_transition(services, asking, "start", data))


@post(
    "/api/v1/stories/{story_id:uuid}/request-review",
    **_held(),
    operation_id="request_review_story",
    summary="Ask somebody else to review the work",
)
async def request_review_of_story(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[HeldBody]
) -> Response[bytes]:
    if not asking.caller.lineage and not asking.caller.verifier_binding:
        return await make(services, asking, story_id, held_transition(services, asking, "request-review", data))

    async def drawing(drawing: Drawing) -> Response[bytes]:
        asked = held_transition(services, asking, "request-review", data)
        return await make(services, asking, story_id, _and_draw(asked, drawing))

    return await with_key(services, asking, drawing)


def _and_draw(asked: Transition, drawing: Drawing) -> Transition:
    """The first request of a round draws as well; of a later one the draw stands."""

    def decide(facts: TransitionFacts) -> Sequence[Event]:
        events = asked.decide(facts)
        if facts.story.review_requested_at is not None or not wants_draw(facts.who, facts.policy):
            return events
        return (*events, *draw_verifier(facts.story, facts.policy, drawing.urn(facts.known)))

    return structs.replace(asked, decide=decide, needs=drawing.needs)


@post(
    "/api/v1/stories/{story_id:uuid}/heartbeat",
    **_held(),
    operation_id="heartbeat_story",
    summary="Renew the lease of a claim",
)
async def renew_lease_of_story(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[HoldBody]
) -> Response[bytes]:
    return await make(services, asking, story_id, held_transition(services, asking, "heartbeat", data))


HELD_DECISIONS: Mapping[str, HeldDecision] = {
    "request-review": working.request_review,
    "heartbeat": working.renew_lease,
}


def held_transition(services: Services, asking: Asking, action: str, data: HeldBody) -> Transition:
    bodies, hold = Bodies(services, asking), data.hold()

    def decide(facts: TransitionFacts) -> Sequence[Event]:
        if action == "start":
            return working.start(facts.story, facts.who, hold, services.utc_now(), facts.right)
        refuse_capability(data)
        return HELD_DECISIONS[action](facts.story, facts.who, hold, services.utc_now())

    def body(facts: TransitionFacts, recorded: Sequence[Recorded]) -> dict[str, Any]:
        return {**bodies.story(facts, recorded), **lease_of(facts)}

    said = data.said() if action == "start" else Said()
    return Transition(action=action, decide=decide, body=body, said=said)


@post(
    "/api/v1/stories/{story_id:uuid}/unclaim",
    opt={"access": "=agent", "custody": True, "errors": (*TRANSITION, "not_assigned_agent", "lease_lost")},
    tags=TAGS,
    summary="Give a story back",
    description="By the agent that holds it, or that has contracted it.",
    status_code=200,
    responses=answers(200, "The story", EXAMPLE),
)
async def unclaim_story(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[HeldBody]
) -> Response[bytes]:
    transition = Transition(
        action="unclaim",
        decide=lambda facts: working.unclaim(facts.story, facts.who, data.hold()),
        body=Bodies(services, asking).story,
    )
    return await make(services, asking, story_id, transition)


@post(
    "/api/v1/stories/{story_id:uuid}/force-unclaim",
    opt={
        "access": "=orchestrator",
        "custody": True,
        "errors": (
            "orchestrator_agent_required",
            "invalid_transition",
            "agent_deactivated",
            "idempotency_key_reused",
        ),
    },
    tags=TAGS,
    summary="Take a story back from its agent",
    description="A verified one must be rejected instead. Nothing is written for one that is pending already.",
    status_code=200,
    responses=answers(200, "The story", EXAMPLE),
)
async def force_unclaim_story(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[ForceUnclaimBody]
) -> Response[bytes]:
    transition = Transition(
        action="force-unclaim",
        decide=lambda facts: working.force_unclaim(facts.story, facts.who, data.reason),
        body=Bodies(services, asking).story,
        check=need_orchestrator,
    )
    return await make(services, asking, story_id, transition)


def lease_of(facts: TransitionFacts) -> dict[str, Any]:
    """Nothing for a claim without a time limit."""
    story = facts.story
    if story.lease_expires_at is None:
        return {}
    return {"lease": {"expires_at": wire_time(story.lease_expires_at), "fencing_token": story.claim_position}}


ROUTES: Sequence[HTTPRouteHandler] = (
    contract_story,
    claim_story,
    start_story,
    start_work_on_story,
    request_review_of_story,
    renew_lease_of_story,
    unclaim_story,
    force_unclaim_story,
)
