"""Acceptance criteria, one by one: /api/v1/stories/…/acceptance_criteria (spec 01, section 2.9)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, get, patch
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import UNSET, Meta, Struct

from api.commands import carry_out, origin
from api.documentation.responses import answers
from api.http.asking import Asker
from api.lifecycle.transitions import StoryNeeds
from api.pages import PageQuery, page_of
from api.paths import CriterionPath, StoryPath
from api.projects.examples import META
from api.projects.routes import RETRYABLE
from api.projects.schemas import Text
from api.services import Provided
from api.times import wire_time
from domain.criteria import Criterion, CriterionFields, CriterionStatus, criteria_of, find_criterion, update_criterion
from domain.errors import CustodyViolation, NotFound
from domain.event import Recorded, Stream
from domain.lifecycle.checks import check_said
from domain.lifecycle.identity import identity_of
from domain.lifecycle.refusals import check_active
from eventstore.log.command import Change, Command, Known, Refusal, existing
from projections.queries.story_lists import show_story

TAGS = ["Acceptance criteria"]
CRITERION: dict[str, Any] = {
    "id": "2f1d7a3e-53a4-5a44-9d0a-3a1b6f0c8f11",
    "ac_id": "AC-1",
    "description": "The old key works for an hour",
    "verification_criterion": {"type": "test", "path": "tests/test_keys.py", "test_name": "test_grace"},
    "status": "pending",
    "verified_at": None,
    "claimed": False,
    "evidence_path": None,
}


class UpdateCriterionBody(Struct, frozen=True, kw_only=True):
    """Null is not said; "" clears the path."""

    verification_criterion: Annotated[dict[str, Any], Meta(max_length=64)] | None = None
    status: CriterionStatus | None = None
    evidence_path: Text | None = None

    def fields(self) -> CriterionFields:
        return CriterionFields(
            verification_criterion=UNSET if self.verification_criterion is None else self.verification_criterion,
            status=UNSET if self.status is None else self.status,
            evidence_path=UNSET if self.evidence_path is None else self.evidence_path,
        )


@get(
    "/api/v1/stories/{story_id:uuid}/acceptance_criteria",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List the acceptance criteria of a story",
    description="In the story's own order, each with the way in which it is to be checked.",
    responses=answers(200, "A page of criteria", {"data": [CRITERION], "meta": META}),
)
async def list_acceptance_criteria(
    services: Provided, asking: Asker, story_id: StoryPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    page = page_of(wanted)
    async with services.reading(asking.caller.tenant_id) as tx:
        shown = await show_story(tx, story_id)
    if shown is None:
        raise NotFound("Not found")
    criteria = criteria_of(shown.text)
    return page.answer([_body(criterion) for criterion in page.of(criteria)], len(criteria))


@patch(
    "/api/v1/stories/{story_id:uuid}/acceptance_criteria/{ac_id:str}",
    opt={
        "access": "orchestrator+",
        "custody": True,
        "errors": (
            "orchestrator_agent_required",
            "self_verify_blocked",
            "agent_deactivated",
            "criteria_frozen",
            *RETRYABLE,
        ),
    },
    tags=TAGS,
    summary="Change an acceptance criterion",
    description="The way in which it is to be checked, or what the check found. Whoever did the work says neither, and "
    "how a verified story was checked is frozen. A criterion whose words are changed later is pending again.",
    responses=answers(200, "The criterion", {"acceptance_criterion": CRITERION}),
)
async def update_acceptance_criterion(
    services: Provided, asking: Asker, story_id: StoryPath, ac_id: CriterionPath, data: JSONBody[UpdateCriterionBody]
) -> Response[bytes]:
    stream, fields = Stream("story", story_id), data.fields()
    needs, who = StoryNeeds(asking, story_id), identity_of(asking.caller)

    def decide(known: Known) -> Sequence[Change] | Refusal:
        check_active(needs.caller_agent(known))
        facts = needs.facts(known, who)
        events = update_criterion(facts.story, existing(known, needs.text), ac_id, fields)
        try:
            check_said(facts.story, who, facts.policy, fields, events)
        except CustodyViolation as violation:
            return needs.refusal(facts, "verify", violation)
        return [Change(stream, event) for event in events]

    def answer(known: Known, _: Sequence[Recorded]) -> dict[str, Any]:
        return {"acceptance_criterion": _body(find_criterion(existing(known, needs.text), ac_id))}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=needs.all,
        streams=lambda known: needs.streams(known, ()),
    )  # fmt: skip
    return await carry_out(services, asking, command)


def _body(criterion: Criterion) -> dict[str, Any]:
    verified_at = criterion.verified_at and wire_time(datetime.fromisoformat(criterion.verified_at))
    return {
        "id": criterion.id,
        "ac_id": criterion.ac_id,
        "description": criterion.description,
        "verification_criterion": msgspec.Raw(criterion.verification_criterion.encode()),
        "status": criterion.status,
        "verified_at": verified_at,
        "claimed": criterion.claimed,
        "evidence_path": criterion.evidence_path,
    }


ROUTES: Sequence[HTTPRouteHandler] = (
    list_acceptance_criteria,
    update_acceptance_criterion,
)
