"""Reports of token usage: /api/v1/token-usage (spec 02, section 3)."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.commands import carry_out, origin
from api.costs.examples import METERED, REPORT, TOTALS
from api.costs.recording import Recording, check_skill, crossings, needs_of, skill_needs
from api.costs.schemas import CorrectUsageBody, ReportUsageBody, metered_body, totals_body, usage_body
from api.documentation.responses import answers
from api.http.asking import Asker
from api.pages import PageQuery, page_of
from api.paths import StoryPath, UsagePath
from api.projects.examples import META
from api.services import Provided
from domain.errors import Invalid, NotFound
from domain.event import Recorded, Stream
from domain.fields import BLANK
from domain.lifecycle.identity import identity_of
from domain.lifecycle.refusals import need_agent
from domain.usage.metered import NO_MEASURE
from domain.usage.report import correct_usage, delete_usage
from domain.usage.watching import Place
from eventstore.log.command import Change, Command, Known, Need, existing
from projections.facts.usage import NET_USAGE, SPENDING
from projections.rows.metered_usage import metered
from projections.rows.stories import STORIES
from projections.rows.token_usage import REPORTS, usage_of_story

TAGS = ["Costs"]
RETRYABLE = ("idempotency_key_reused",)


@post(
    "/api/v1/token-usage",
    opt={"access": "agent+", "errors": ("agent_identity_required", *RETRYABLE)},
    tags=TAGS,
    summary="Report what work on a story has used",
    description="The four counts have nothing in common: tokens that were read from a cache or written to one are not "
    "in input_tokens. Without a cost the published price of the model on that day is taken, or the tenant's own "
    "(model_pricing); cost_source says which, and `unpriced` that there is none. Never refused because of a budget.",
    status_code=201,
    responses=answers(201, "The report", {"token_usage_report": REPORT}),
)
async def report_token_usage(services: Provided, asking: Asker, data: JSONBody[ReportUsageBody]) -> Response[bytes]:
    need_agent(identity_of(asking.caller))
    if data.story_id is None:
        raise Invalid(story_id=BLANK)
    stream = Stream("token_usage_report", services.new_id())
    recording = Recording(services=services, asking=asking, story_id=data.story_id, said=data, stream=stream)
    made = REPORTS.need(stream.id)

    def answer(known: Known, _: Sequence[Recorded]) -> dict[str, Any]:
        return {"token_usage_report": usage_body(asking.caller.tenant_id, existing(known, made))}

    command = Command(
        origin=origin(services, asking), decide=recording.changes, answer=answer, needs=(made, *recording.needs),
        following=recording.following, streams=(), status=201,
    )  # fmt: skip
    return await carry_out(services, asking, command)


@post(
    "/api/v1/token-usage/{usage_id:uuid}/correction",
    opt={"access": "user+", "errors": ("negative_total", *RETRYABLE)},
    tags=TAGS,
    summary="Correct a report of usage",
    description="With a report of its own that has the difference; the first one stays. Counts may be negative, but "
    "neither the story's totals nor the report with its corrections may become so.",
    status_code=201,
    responses=answers(201, "The correction", {"token_usage_report": REPORT}),
)
async def correct_token_usage(
    services: Provided, asking: Asker, usage_id: UsagePath, data: JSONBody[CorrectUsageBody]
) -> Response[bytes]:
    stream, corrected = Stream("token_usage_report", services.new_id()), REPORTS.need(usage_id)
    made, net = REPORTS.need(stream.id), NET_USAGE.need(usage_id)

    def decide(known: Known) -> Sequence[Change]:
        report = existing(known, corrected)
        check_skill(data, known)
        story = known[SPENDING.need(("story", report.story_id))]
        event = correct_usage(report, data.usage(), story, known[net])
        return [Change(stream, event), *crossings(known, event, stream.id)]

    def answer(known: Known, _: Sequence[Recorded]) -> dict[str, Any]:
        return {"token_usage_report": usage_body(asking.caller.tenant_id, existing(known, made))}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer,
        needs=(corrected, made, net, *skill_needs(data)),
        following=lambda known: _sums(known, corrected), streams=(), status=201,
    )  # fmt: skip
    return await carry_out(services, asking, command)


@delete(
    "/api/v1/token-usage/{usage_id:uuid}",
    opt={"access": "user+", "errors": ("negative_total", *RETRYABLE)},
    tags=TAGS,
    summary="Delete a report of usage",
    description="It no longer counts; the log keeps it. One that was corrected below zero by others goes after them.",
    status_code=200,
    responses=answers(200, "The report", {"token_usage_report": {**REPORT, "deleted_at": REPORT["updated_at"]}}),
)
async def delete_token_usage(services: Provided, asking: Asker, usage_id: UsagePath) -> Response[bytes]:
    stream, need = Stream("token_usage_report", usage_id), REPORTS.need(usage_id)

    def decide(known: Known) -> Sequence[Change]:
        report = existing(known, need)
        return [Change(stream, delete_usage(report, known[SPENDING.need(("story", report.story_id))]))]

    def answer(known: Known, _: Sequence[Recorded]) -> dict[str, Any]:
        return {"token_usage_report": usage_body(asking.caller.tenant_id, existing(known, need))}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=(need,),
        following=lambda known: _sums(known, need), streams=(stream,),
    )  # fmt: skip
    return await carry_out(services, asking, command)


def _sums(known: Known, need: Need[Any]) -> Sequence[Need[Any]]:
    """What the report counts in."""
    report = known[need]
    if report is None:
        return ()
    return needs_of(Place(report.project_id, report.epic_id, report.story_id, report.agent_id))


@get(
    "/api/v1/stories/{story_id:uuid}/token-usage",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List what work on a story has used",
    description="Newest first, corrections among them, without what was deleted; totals are of all pages. What was "
    "measured (OTLP) stands apart in `metered`.",
    responses=answers(200, "A page of reports", {"data": [REPORT], "totals": TOTALS, "metered": METERED, "meta": META}),
)
async def list_token_usage_of_story(
    services: Provided, asking: Asker, story_id: StoryPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    page, tenant_id = page_of(wanted), asking.caller.tenant_id
    async with services.reading(tenant_id) as tx:
        if not await STORIES.load(tx, [story_id]):
            raise NotFound("Not found")
        found, total, sums = await usage_of_story(tx, story_id, page.limit, page.offset)
        measured = await metered(tx, [("story", story_id)])
    listed = page.answer([usage_body(tenant_id, report) for report in found], total)
    apart = {"totals": totals_body(sums), "metered": metered_body(measured.get(("story", story_id), NO_MEASURE))}
    return {"data": listed["data"], **apart, "meta": listed["meta"]}


ROUTES: Sequence[HTTPRouteHandler] = (
    report_token_usage,
    correct_token_usage,
    delete_token_usage,
    list_token_usage_of_story,
)
