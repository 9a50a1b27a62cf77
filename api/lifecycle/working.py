"""The implementer's routes: contract, claim, start, request-review, heartbeat, unclaim (spec 01, section 3.5)."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.asking import Asker, Asking
from api.documentation.responses import answers
from api.lifecycle.schemas import ContractBody, ForceUnclaimBody, HoldBody, refuse_capability
from api.lifecycle.transitions import Asked, Bodies, Transition, Transitions
from api.paths import StoryPath
from api.services import Services
from api.stories.examples import STORY
from api.times import wire_time
from domain.event import Event, Recorded
from domain.lifecycle import working
from domain.lifecycle.identity import Identity
from domain.lifecycle.refusals import need_orchestrator
from domain.lifecycle.working import Echo, Hold
from eventstore.command import Need

TAGS = ["Lifecycle"]
TRANSITION = ("agent_identity_required", "invalid_transition", "idempotency_key_reused")
WORKING = (*TRANSITION, "agent_deactivated")
HELD = (*WORKING, "not_assigned_agent", "lease_lost", "cap_rejected")
EXAMPLE = {"story": STORY, "next_actions": []}


def working_routes(services: Services) -> Sequence[HTTPRouteHandler]:
    return [
        _contract(services),
        _claim(services),
        *(_held(services, *each) for each in HELD_ROUTES),
        _unclaim(services),
        _force_unclaim(services),
    ]


def _contract(services: Services) -> HTTPRouteHandler:
    transitions, base = Transitions(services), services.settings.base_url()

    @post(
        "/api/v1/stories/{story_id:uuid}/contract",
        opt={"access": "=agent,orchestrator", "custody": True, "errors": (*WORKING, *CONTRACT_ERRORS)},
        tags=TAGS,
        summary="Contract a story",
        description="Echo its title and the number of its criteria, to show that they were read.",
        status_code=200,
        responses=answers(200, "The story", EXAMPLE),
    )
    async def contract_story(asking: Asker, story_id: StoryPath, data: JSONBody[ContractBody]) -> Response[bytes]:
        echo = Echo(title=data.story_title, ac_count=data.ac_count, skip=data.skip_contract_check)
        transition = Transition(
            action="contract",
            decide=lambda asked: working.contract(asked.story, asked.who, echo),
            body=Bodies(asking.caller.tenant_id, base).story,
        )
        return await transitions.make(asking, story_id, transition)

    return contract_story


CONTRACT_ERRORS = ("title_mismatch", "contract_mismatch", "insufficient_role")


def claim_transition(services: Services, asking: Asking, story_id: UUID, hold: Hold) -> Transition:
    bodies, prerequisites = (
        Bodies(asking.caller.tenant_id, services.settings.base_url()),
        Need("prerequisites", story_id),
    )

    def decide(asked: Asked) -> Sequence[Event]:
        return working.claim(asked.story, asked.who, asked.known[prerequisites], hold, services.utc_now())

    def body(asked: Asked, recorded: Sequence[Recorded]) -> dict[str, Any]:
        return {**bodies.story(asked, recorded), **lease_of(asked)}

    return Transition(action="claim", decide=decide, body=body, needs=(prerequisites,))


def _claim(services: Services) -> HTTPRouteHandler:
    transitions = Transitions(services)

    @post(
        "/api/v1/stories/{story_id:uuid}/claim",
        opt={"access": "=agent", "custody": True, "errors": (*WORKING, *CLAIM_ERRORS)},
        tags=TAGS,
        summary="Claim a contracted story",
        description="With lease_seconds the claim ends by itself unless its heartbeat goes on; see the fencing token.",
        status_code=200,
        responses=answers(200, "The story", EXAMPLE),
    )
    async def claim_story(asking: Asker, story_id: StoryPath, data: JSONBody[HoldBody]) -> Response[bytes]:
        transition = claim_transition(services, asking, story_id, data.hold())
        return await transitions.make(asking, story_id, transition)

    return claim_story


CLAIM_ERRORS = ("must_contract_first", "dependencies_not_met")

HeldDecision = Callable[..., Sequence[Event]]
HELD_ROUTES: Sequence[tuple[str, str, HeldDecision, str]] = (
    ("start", "start", working.start, "Start the work on a claimed story"),
    ("start-work", "start", working.start, "Start the work on a claimed story (the same as start)"),
    ("request-review", "request-review", working.request_review, "Ask somebody else to review the work"),
    ("heartbeat", "heartbeat", working.renew_lease, "Renew the lease of a claim"),
)
"""Path, action, decision, summary."""


def _held(services: Services, path: str, action: str, decision: HeldDecision, summary: str) -> HTTPRouteHandler:
    """A step of the agent that holds the story."""
    transitions, base = Transitions(services), services.settings.base_url()

    @post(
        f"/api/v1/stories/{{story_id:uuid}}/{path}",
        opt={"access": "=agent", "custody": True, "errors": (*HELD, *HELD_ERRORS.get(action, ()))},
        tags=TAGS,
        operation_id=f"{path.replace('-', '_')}_story",
        summary=summary,
        description="Only the agent that the story is assigned to may; a fencing token is checked when it is sent.",
        status_code=200,
        responses=answers(200, "The story", EXAMPLE),
    )
    async def step(asking: Asker, story_id: StoryPath, data: JSONBody[HoldBody]) -> Response[bytes]:
        bodies, hold = Bodies(asking.caller.tenant_id, base), data.hold()

        def decide(asked: Asked) -> Sequence[Event]:
            refuse_capability(data.cap_id)
            return decision(asked.story, asked.who, hold, services.utc_now())

        def body(asked: Asked, recorded: Sequence[Recorded]) -> dict[str, Any]:
            return {**bodies.story(asked, recorded), **lease_of(asked)}

        return await transitions.make(asking, story_id, Transition(action=action, decide=decide, body=body))

    return step


HELD_ERRORS = {"start": ("must_contract_first", "must_claim_first")}


def _unclaim(services: Services) -> HTTPRouteHandler:
    transitions, base = Transitions(services), services.settings.base_url()

    @post(
        "/api/v1/stories/{story_id:uuid}/unclaim",
        opt={"access": "=agent", "custody": True, "errors": (*TRANSITION, "not_assigned_agent", "lease_lost")},
        tags=TAGS,
        summary="Give a story back",
        description="By the agent that holds it, or that has contracted it.",
        status_code=200,
        responses=answers(200, "The story", EXAMPLE),
    )
    async def unclaim_story(asking: Asker, story_id: StoryPath, data: JSONBody[HoldBody]) -> Response[bytes]:
        transition = Transition(
            action="unclaim",
            decide=lambda asked: working.unclaim(asked.story, asked.who, data.hold()),
            body=Bodies(asking.caller.tenant_id, base).story,
        )
        return await transitions.make(asking, story_id, transition)

    return unclaim_story


def _force_unclaim(services: Services) -> HTTPRouteHandler:
    transitions, base = Transitions(services), services.settings.base_url()

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
        asking: Asker, story_id: StoryPath, data: JSONBody[ForceUnclaimBody]
    ) -> Response[bytes]:
        transition = Transition(
            action="force-unclaim",
            decide=lambda asked: working.force_unclaim(asked.story, asked.who, data.reason),
            body=Bodies(asking.caller.tenant_id, base).story,
            check=_need_orchestrator,
        )
        return await transitions.make(asking, story_id, transition)

    return force_unclaim_story


def _need_orchestrator(who: Identity) -> None:
    need_orchestrator(who)


def lease_of(asked: Asked) -> dict[str, Any]:
    """Nothing for a claim without a time limit."""
    story = asked.story
    if story.lease_expires_at is None:
        return {}
    return {"lease": {"expires_at": wire_time(story.lease_expires_at), "fencing_token": story.claim_position}}
