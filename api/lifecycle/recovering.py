"""Picking a capability up: whoever may take a step now gets the right to it, and an earlier one counts no more."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.commands import origin, submit, written
from api.documentation.responses import answers
from api.http.asking import Asker
from api.lifecycle import examples
from api.lifecycle.rights import fresh, signed, token_of
from api.lifecycle.schemas import RecoverBody
from api.lifecycle.transitions import StoryNeeds, TransitionFacts, evidence_wanted
from api.paths import StoryPath
from api.services import Provided
from domain.caller import Role
from domain.capability import (
    CAPABILITY_TYPES,
    CONSUMED_BY,
    CapabilityPickedUp,
    CapabilityType,
    Fresh,
    Right,
    minted,
    prospective,
    slot_of,
)
from domain.errors import CustodyViolation, Forbidden, Invalid
from domain.event import Event, Recorded, Stream
from domain.fields import must_be_one_of
from domain.lifecycle import implementer as working
from domain.lifecycle import judges as confirming
from domain.lifecycle.identity import identity_of
from domain.lifecycle.implementer import Hold
from domain.lifecycle.judges import Judgement, Review
from domain.lifecycle.refusals import check_active, need_orchestrator
from eventstore.log.command import Change, Command, Known, Refusal, existing
from projections.facts.last_run import LAST_RUN
from projections.rows.capabilities import CAPABILITIES

ERRORS = (
    "wrong_lineage", "invalid_transition", "must_contract_first", "must_claim_first",
    "agent_identity_required", "orchestrator_agent_required", "story_not_reported_done", "review_not_conducted",
    "distinct_verifier_required", "criteria_changed", "lease_lost", "agent_deactivated", "idempotency_key_reused",
)  # fmt: skip
ROLES: Mapping[CapabilityType, tuple[Role, ...]] = {
    "start_cap": (Role.AGENT,),
    "report_cap": (Role.AGENT, Role.ORCHESTRATOR),
    "review_complete_cap": (Role.AGENT, Role.ORCHESTRATOR, Role.USER),
    "verify_cap": (Role.ORCHESTRATOR,),
}
"""Whose step it is."""
ACTIONS = {typ: action for action, typ in CONSUMED_BY.items()}


def _start(facts: TransitionFacts, of: Fresh, hold: Hold) -> Sequence[Event]:
    return working.start(facts.story, facts.who, hold, of.at, facts.right)


def _report(facts: TransitionFacts, _: Fresh, __: Hold) -> Sequence[Event]:
    return confirming.report(facts.story, facts.who, facts.policy, facts.right)


def _review(facts: TransitionFacts, of: Fresh, _: Hold) -> Sequence[Event]:
    any_review = Review(review_id=of.cap_id, review_type=None, right=facts.right)
    return confirming.complete_review(facts.story, facts.who, facts.policy, any_review, of.at)


def _verify(facts: TransitionFacts, of: Fresh, _: Hold) -> Sequence[Event]:
    need_orchestrator(facts.who)
    judgement = Judgement(
        verification_id=of.cap_id, review_type="pick-up", summary="pick-up", last_run=facts.last_run,
        evidence=facts.evidence,
    )  # fmt: skip
    return confirming.verify(facts.story, facts.who, facts.policy, judgement, facts.right)


STEPS: Mapping[CapabilityType, Callable[[TransitionFacts, Fresh, Hold], Sequence[Event]]] = {
    "start_cap": _start,
    "report_cap": _report,
    "review_complete_cap": _review,
    "verify_cap": _verify,
}
"""The very decisions of the steps: what they would say of the capability that is about to be made."""


@post(
    "/api/v1/stories/{story_id:uuid}/recover-cap",
    opt={"access": "agent+", "custody": True, "errors": ERRORS},
    tags=["Lifecycle"],
    summary="Pick up a capability",
    description="For whoever may take its step now; the lineage is that of the key. An earlier one of its kind counts "
    "no more. What the step itself would be refused for, this is refused for.",
    status_code=201,
    responses=answers(201, "The capability", {"data": examples.CAPABILITY}),
)
async def recover_capability(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[RecoverBody]
) -> Response[bytes]:
    typ, needs, who = _type(data.cap_type), StoryNeeds(asking, story_id), identity_of(asking.caller)
    slot, of = Stream("capability", slot_of(story_id, typ)), fresh(services)
    need, hold = CAPABILITIES.need(slot.id), Hold(fencing_token=data.fencing_token)
    if asking.caller.role not in ROLES[typ]:
        raise Forbidden(f"A {typ} is for another role", code="insufficient_role")

    def decide(known: Known) -> Sequence[Change] | Refusal:
        check_active(needs.caller_agent(known))
        facts = needs.facts(known, who)
        made = minted(CapabilityPickedUp, typ, facts.story, who.lineage, of)
        try:
            right = Right(presented=of.cap_id, slot=prospective(made, of.at), at=of.at)
            STEPS[typ](facts.with_right(right), of, hold)
        except CustodyViolation as violation:
            return Refusal(_not_yours(typ, violation.message), needs.refusal(facts, ACTIONS[typ], violation).changes)
        except Forbidden as error:
            if error.code == "not_assigned_agent":
                raise _not_yours(typ, error.message) from None
            raise
        return [Change(slot, made)]

    def answer(known: Known, _: Sequence[Recorded]) -> Any:
        return {"data": token_of(asking.caller.tenant_id, existing(known, need))}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, status=201,
        needs=(*needs.all, need, LAST_RUN.need(story_id)), following=evidence_wanted(asking, story_id),
        streams=lambda known: needs.streams(known, (slot,)),
    )  # fmt: skip
    reply = await submit(services, asking, command)
    return await written(services, asking, await signed(services, asking, reply, "data"))


def _type(said: str | None) -> CapabilityType:
    """Raises Invalid."""
    wanted = "start_cap" if said is None else said
    for typ in CAPABILITY_TYPES:
        if typ == wanted:
            return typ
    raise Invalid(cap_type=must_be_one_of(CAPABILITY_TYPES))


def _not_yours(typ: str, why: str) -> Forbidden:
    return Forbidden(f"A {typ} of this story is not for you. {why}", code="wrong_lineage")


ROUTES: Sequence[HTTPRouteHandler] = (recover_capability,)
