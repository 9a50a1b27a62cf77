"""POST /api/v1/stories/next/claim: the best ready story of a project, contracted and claimed in one decision."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import structs

from api.commands import origin, submit, written
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.lifecycle import examples
from api.lifecycle.implementer import lease_of
from api.lifecycle.rights import StoryRights, minted_in, presented_by, signed
from api.lifecycle.schemas import NextClaimBody, Said
from api.lifecycle.transitions import Bodies, StoryNeeds
from api.projects.routes import project_id_of
from api.services import Provided, Services
from domain.errors import Conflict, Invalid, NotFound
from domain.event import Event, Recorded, Stream
from domain.lifecycle import implementer as working
from domain.lifecycle.identity import Identity, identity_of
from domain.lifecycle.implementer import Echo, Hold
from domain.lifecycle.prerequisites import Prerequisites
from domain.lifecycle.refusals import check_active, need_agent
from domain.story import Story
from eventstore.log.command import Change, Command, Known, Need
from projections.facts.prerequisites import PREREQUISITES
from projections.rows.agents import AGENTS
from projections.rows.projects import find_project
from projections.rows.work_queue import best_ready

CANDIDATES = 16
"""Others may take some in the meantime."""
ROUNDS = 8


class Outrun(Exception):
    """Others have taken all candidates. Not a refusal: those are kept under the idempotency key."""


@post(
    "/api/v1/stories/next/claim",
    opt={
        "access": "=agent",
        "custody": True,
        "errors": ("agent_identity_required", "agent_deactivated", "nothing_ready", "idempotency_key_reused"),
    },
    tags=["Lifecycle"],
    summary="Claim the best ready story of a project",
    description="The one that most other stories wait for; it is contracted and claimed in one step.",
    status_code=200,
    responses=answers(200, "The story", examples.STORY_ANSWER),
)
async def claim_next_story(services: Provided, asking: Asker, data: JSONBody[NextClaimBody]) -> Response[bytes]:
    need_agent(identity_of(asking.caller))
    if not data.project_id:
        raise Invalid(project_id="can't be blank")
    project_id = await project_id_of(services, asking, data.project_id)
    for _ in range(ROUNDS):
        candidates = await _candidates(services, asking, project_id)
        pick = Pick(services, asking, candidates, Hold(lease_seconds=data.lease_seconds))
        try:
            return await _claimed(services, asking, pick)
        except Outrun:
            continue
    return await _claimed(services, asking, Pick(services, asking, (), Hold()))


async def _claimed(services: Services, asking: Asking, pick: "Pick") -> Response[bytes]:
    reply = await submit(services, asking, pick.command())
    return await written(services, asking, await signed(services, asking, reply))


async def _candidates(services: Services, asking: Asking, project_id: UUID) -> Sequence[UUID]:
    async with services.reading(asking.caller.tenant_id) as tx:
        if await find_project(tx, project_id) is None:
            raise NotFound("Not found")
        return await best_ready(tx, project_id, CANDIDATES)


class Pick:
    """The decision for the first candidate that is still free."""

    def __init__(self, services: Services, asking: Asking, candidates: Sequence[UUID], hold: Hold) -> None:
        self._services = services
        self._asking = asking
        self._hold = hold
        self._who = identity_of(asking.caller)
        self._agent = AGENTS.need(need_agent(self._who))
        self._needs = {each: StoryNeeds(asking, each) for each in candidates}
        self._rights = {
            each: StoryRights(services, asking, each, "claim", presented_by(services, asking, Said()))
            for each in candidates
        }

    def command(self) -> Command:
        needs: list[Need[Any]] = [self._agent]
        needs += [need for each in self._needs.values() for need in each.all]
        needs += [PREREQUISITES.need(story_id) for story_id in self._needs]
        needs += [need for each in self._rights.values() for need in each.needs]
        streams = [Stream("story", story_id) for story_id in self._needs]
        streams += [stream for each in self._rights.values() for stream in each.streams]
        return Command(
            origin=origin(self._services, self._asking), decide=self._decide, answer=self._answer, needs=needs,
            streams=streams,
        )  # fmt: skip

    def _decide(self, known: Known) -> Sequence[Change]:
        check_active(known[self._agent])
        if not self._needs:  # decided like everything else, so that a retry hears what it was answered before
            raise _nothing_ready()
        now = self._services.utc_now()
        for story_id, needs in self._needs.items():
            story, before = known[needs.story], known[PREREQUISITES.need(story_id)]
            if story is None or story.agent_status != "pending" or story.verified_status == "verified":
                continue
            if not before.missing:
                events = contract_and_claim(story, self._who, before, self._hold, now)
                minted = self._rights[story_id].mint(story, self._who, needs.facts(known, self._who).policy)
                return [*(Change(Stream("story", story_id), event) for event in events), *minted]
        raise Outrun

    def _answer(self, known: Known, recorded: Sequence[Recorded]) -> Mapping[str, Any]:
        needs = self._needs[recorded[0].stream.id]
        facts = needs.facts(known, self._who)
        bodies = Bodies(self._services, self._asking)
        minted = minted_in(known, self._asking.caller.tenant_id, recorded)
        return {**bodies.story(facts), **lease_of(facts), **minted}


def _nothing_ready() -> Conflict:
    return Conflict(
        "Conflict: no story of the project is ready to be claimed.",
        code="nothing_ready",
        current_state="empty",
        attempted_action="claim",
        hints=["GET /api/v1/stories/blocked says what the others wait for."],
    )


def contract_and_claim(
    story: Story, who: Identity, before: Prerequisites, hold: Hold, now: datetime
) -> Sequence[Event]:
    contracted = working.contract(story, who, Echo(title=story.title, ac_count=story.ac_count))
    then = structs.replace(story, agent_status="contracted", contracted_by_agent_id=who.agent_id)
    return (*contracted, *working.claim(then, who, before, hold, now))


ROUTES: Sequence[HTTPRouteHandler] = (claim_next_story,)
