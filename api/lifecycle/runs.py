"""Verification runs of a story: evidence that a runner outside reports (spec 01, section 3.11)."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.documentation.responses import answers
from api.http.asking import Asker
from api.lifecycle import examples
from api.lifecycle.schemas import RunBody, run_body
from api.lifecycle.transitions import Transition, TransitionFacts, make
from api.pages import PageQuery, page_of
from api.paths import RunPath, StoryPath
from api.projects.examples import META
from api.services import Provided
from domain.errors import NotFound
from domain.event import Event, Recorded
from domain.lifecycle import judges as confirming
from domain.lifecycle.events import VerificationRunReported
from domain.lifecycle.refusals import need_orchestrator
from domain.lifecycle.runs import Run
from eventstore.log.command import existing
from projections.rows.stories import STORIES
from projections.rows.story_texts import STORY_TEXTS
from projections.rows.verification_runs import find_run, list_runs, row_of

TAGS = ["Lifecycle"]
ERRORS = (
    "orchestrator_agent_required", "story_not_reported_done", "self_verify_blocked", "agent_deactivated",
    "idempotency_key_reused",
)  # fmt: skip


@post(
    "/api/v1/stories/{story_id:uuid}/verification-runs",
    opt={"access": "=orchestrator", "custody": True, "errors": ERRORS},
    tags=TAGS,
    operation_id="report_verification_run",
    summary="Report a verification run",
    description="What was found by running the reported work at a commit, outside: loopctl runs nothing. It does "
    "not verify the story; a tenant with `verification_gate` wants a passing run of the report before anybody can.",
    status_code=201,
    responses=answers(201, "The run", {"verification_run": examples.RUN}),
)
async def report_verification_run(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[RunBody]
) -> Response[bytes]:
    run = Run(
        run_id=services.new_id(), status=data.status, commit_sha=data.commit_sha, runner_type=data.runner_type,
        commit_content_hash=data.commit_content_hash, logs_url=data.logs_url, ac_results=data.ac_results,
        started_at=data.started_at, completed_at=data.completed_at, at=services.utc_now(),
    )  # fmt: skip
    text = STORY_TEXTS.need(story_id)

    def decide(facts: TransitionFacts) -> Sequence[Event]:
        return confirming.report_run(facts.story, existing(facts.known, text), facts.who, facts.policy, run)

    def body(_: TransitionFacts, recorded: Sequence[Recorded]) -> dict[str, Any]:
        rows = [row_of(each, each.event) for each in recorded if isinstance(each.event, VerificationRunReported)]
        return {"verification_run": run_body(asking.caller.tenant_id, rows[0])}

    transition = Transition(action="report-run", decide=decide, body=body, status=201, check=need_orchestrator)
    return await make(services, asking, story_id, transition)


@get(
    "/api/v1/stories/{story_id:uuid}/verification-runs",
    opt={"access": "agent+"},
    tags=TAGS,
    operation_id="list_verification_runs_of_story",
    summary="List the verification runs of a story",
    description="The newest first; those of earlier reports as well.",
    responses=answers(200, "A page of runs", {"data": [examples.RUN], "meta": META}),
)
async def list_verification_runs_of_story(
    services: Provided, asking: Asker, story_id: StoryPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    page = page_of(wanted)
    async with services.reading(asking.caller.tenant_id) as tx:
        if not await STORIES.load(tx, [story_id]):
            raise NotFound("Not found")
        rows = await list_runs(tx, story_id, page.limit, page.offset)
        counted = rows or (await list_runs(tx, story_id, 1, 0) if page.offset else [])
    shown = [run_body(asking.caller.tenant_id, row) for row in rows]
    return page.answer(shown, counted[0]["total"] if counted else 0)


@get(
    "/api/v1/verification-runs/{run_id:uuid}",
    opt={"access": "agent+"},
    tags=TAGS,
    operation_id="show_verification_run",
    summary="Show a verification run",
    responses=answers(200, "The run", {"data": examples.RUN}),
)
async def show_verification_run(services: Provided, asking: Asker, run_id: RunPath) -> dict[str, Any]:
    async with services.reading(asking.caller.tenant_id) as tx:
        row = await find_run(tx, run_id)
    if row is None:
        raise NotFound("Not found")
    return {"data": run_body(asking.caller.tenant_id, row)}


ROUTES: Sequence[HTTPRouteHandler] = (
    report_verification_run,
    list_verification_runs_of_story,
    show_verification_run,
)
