"""Evidence of a story: what tests have found, posted by a key (spec 00, evidence; spec 01, section 3.11)."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import UNSET

from api.documentation.responses import answers
from api.evidence.by_ci import post_by_ci
from api.evidence.examples import EVIDENCE
from api.evidence.schemas import LARGEST_BODY, PACKED, EvidenceBody, EvidenceQuery, evidence_body
from api.http.asking import Asker
from api.lifecycle.transitions import Transition, TransitionFacts, make
from api.pages import PageQuery, page_of
from api.paths import EvidencePath, StoryPath
from api.projects.examples import META
from api.services import Provided
from domain.errors import NotFound
from domain.event import Event, Recorded
from domain.lifecycle import judges as confirming
from domain.lifecycle.events import EvidenceReported
from domain.lifecycle.evidence import Posted, Said, named
from eventstore.log.command import Known, Need, existing
from projections.facts.last_evidence import LAST_EVIDENCE, PROJECT_EVIDENCE
from projections.rows.evidence import find_evidence, list_evidence, row_of
from projections.rows.stories import STORIES
from projections.rows.story_texts import STORY_TEXTS

TAGS = ["Lifecycle"]
ERRORS = (
    "agent_identity_required", "story_not_worked_on", "self_verify_blocked", "agent_deactivated",
    "evidence_unreadable", "evidence_of_other_commit", "idempotency_key_reused",
)  # fmt: skip


@post(
    "/api/v1/stories/{story_id:uuid}/evidence",
    opt={
        "access": "=agent,orchestrator,user",
        "custody": True,
        "body_bytes": LARGEST_BODY,
        "packed": PACKED,
        "ci": "post",
        "errors": ERRORS,
    },
    tags=TAGS,
    operation_id="post_evidence",
    summary="Post evidence of tests",
    description="What tests of the work have found: a JUnit file (application/xml) or an in-toto statement of a test "
    "result, bare or in a DSSE envelope (application/vnd.in-toto+json), as the body itself, with `commit` in the "
    "query; or either as the text of a member of a JSON body. The log keeps the hash of the file, its counts, and what "
    "was found of the criteria that are bound to a test; not the file. It verifies nothing; a tenant whose "
    "`verification_gate` is `evidence` or `ci` wants passing evidence before anybody verifies. Whoever did the work "
    "posts none. The same again changes nothing. A job of a CI that the project trusts posts with the token of its "
    "issuer in the place of a key; that is refused as ci_token_refused (401), ci_not_trusted (403), ci_token_used "
    "(409) and ci_issuer_unavailable (503).",
    status_code=201,
    responses=answers(201, "The evidence", {"evidence": EVIDENCE}),
)
async def post_evidence(
    services: Provided,
    asking: Asker,
    story_id: StoryPath,
    wanted: NamedDependency[EvidenceQuery],
    data: JSONBody[EvidenceBody],
) -> Response[bytes]:
    results = await asyncio.to_thread(data.results)
    said = Said(
        evidence_id=services.new_id(), results=results,
        commit_sha=(data.commit if wanted.commit is UNSET else wanted.commit) or "",
        run_url=data.run_url if wanted.run_url is UNSET else wanted.run_url,
        agent_id=asking.caller.agent_id, key_id=asking.caller.key_id,
    )  # fmt: skip
    standing = LAST_EVIDENCE.need(story_id)

    def answered(known: Known, recorded: Sequence[Recorded]) -> dict[str, Any]:
        rows = [row_of(each, each.event) for each in recorded if isinstance(each.event, EvidenceReported)]
        if rows:
            return {"evidence": evidence_body(asking.caller.tenant_id, rows[0])}
        newest = known[standing].newest
        if newest is None:
            raise NotFound("Not found")
        return {"evidence": {"id": newest.evidence_id, **named(newest)}, "already": True}

    if asking.caller.ci:
        return await post_by_ci(services, asking, story_id, (said, answered), asking.caller.ci)
    text = STORY_TEXTS.need(story_id)

    def decide(facts: TransitionFacts) -> Sequence[Event]:
        known = facts.known
        posted = Posted(said, known[standing], executed_before(known, story_id, facts.story.project_id))
        return confirming.post_evidence(facts.story, existing(known, text), facts.who, facts.policy, posted)

    def body(facts: TransitionFacts, recorded: Sequence[Recorded]) -> dict[str, Any]:
        return answered(facts.known, recorded)

    def following(known: Known) -> Sequence[Need[Any]]:
        story = known[STORIES.need(story_id)]
        return (PROJECT_EVIDENCE.need(story.project_id),) if story else ()

    transition = Transition(
        action="post-evidence", decide=decide, body=body, status=201, needs=(standing,), following=following
    )
    return await make(services, asking, story_id, transition)


def executed_before(known: Known, story_id: UUID, project_id: UUID) -> int | None:
    """Of the story's newest evidence, else of the project's newest that passes."""
    newest = known[LAST_EVIDENCE.need(story_id)].newest
    return newest.executed if newest else known[PROJECT_EVIDENCE.need(project_id)]


@get(
    "/api/v1/stories/{story_id:uuid}/evidence",
    opt={"access": "agent+"},
    tags=TAGS,
    operation_id="list_evidence_of_story",
    summary="List the evidence of a story",
    description="The newest first; that of earlier rounds of the work as well.",
    responses=answers(200, "A page of evidence", {"data": [EVIDENCE], "meta": META}),
)
async def list_evidence_of_story(
    services: Provided, asking: Asker, story_id: StoryPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    page = page_of(wanted)
    async with services.reading(asking.caller.tenant_id) as tx:
        if not await STORIES.load(tx, [story_id]):
            raise NotFound("Not found")
        rows = await list_evidence(tx, story_id, page.limit, page.offset)
        counted = rows or (await list_evidence(tx, story_id, 1, 0) if page.offset else [])
    shown = [evidence_body(asking.caller.tenant_id, row) for row in rows]
    return page.answer(shown, counted[0]["total"] if counted else 0)


@get(
    "/api/v1/evidence/{evidence_id:uuid}",
    opt={"access": "agent+"},
    tags=TAGS,
    operation_id="show_evidence",
    summary="Show evidence",
    responses=answers(200, "The evidence", {"data": EVIDENCE}),
)
async def show_evidence(services: Provided, asking: Asker, evidence_id: EvidencePath) -> dict[str, Any]:
    async with services.reading(asking.caller.tenant_id) as tx:
        row = await find_evidence(tx, evidence_id)
    if row is None:
        raise NotFound("Not found")
    return {"data": evidence_body(asking.caller.tenant_id, row)}


ROUTES: Sequence[HTTPRouteHandler] = (post_evidence, list_evidence_of_story, show_evidence)
