"""How a story's work looks from its figures: /api/v1/stories/{id}/behaviour (spec 02, section 12)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler

from api.commands import refused
from api.costs.examples import BEHAVIOUR
from api.costs.found import ACTOR
from api.documentation.responses import answers
from api.http.asking import Asker
from api.paths import StoryPath
from api.services import Provided
from api.times import wire_time
from domain.errors import NotFound
from domain.event import Stream
from domain.tenant_settings import read_settings
from domain.usage.behaviour import Observed, as_fraction, flag_story, flags_of, in_words
from eventstore.log.command import Change, Command, Known, Origin
from projections.queries.efforts import effort_of
from projections.rows.job_findings import Finding
from projections.rows.stories import STORIES
from projections.rows.story_flags import STORY_FLAGS
from projections.rows.tenants import TENANTS

OBSERVED = msgspec.json.Decoder(Observed)


@get(
    "/api/v1/stories/{story_id:uuid}/behaviour",
    opt={"access": "orchestrator+"},
    tags=["Costs"],
    summary="Show how the work on a story looks from its figures",
    description="From the reports that are there now: a figure that none of them has is null, and counts for nothing. "
    "The score is from 0, thorough, to 1. Flags tell somebody to look; they refuse nothing.",
    responses=answers(200, "Score and flags", {"data": BEHAVIOUR}),
)
async def show_behaviour_of_story(services: Provided, asking: Asker, story_id: StoryPath) -> dict[str, Any]:
    tenant_id = asking.caller.tenant_id
    async with services.reading(tenant_id) as tx:
        worked = await effort_of(tx, story_id)
        if worked is None:
            raise NotFound("Not found")
        settings = read_settings((await TENANTS.load(tx, [tenant_id]))[tenant_id].settings)
        said = (await STORY_FLAGS.load(tx, [story_id])).get(story_id)
    lazy, flags = flags_of(worked.effort, worked.course, settings, services.utc_now())
    return {
        "data": {
            "story_id": story_id,
            "lazy_score": as_fraction(lazy.score),
            "lazy_threshold": settings.lazy_threshold,
            "lazy_flagged": "lazy" in flags,
            "lazy_breakdown": {code: as_fraction(each) for code, each in lazy.factors.items()},
            "lazy_reasons": in_words([*lazy.factors]),
            "sanity_flags": list(flags),
            "figures": {
                "total_tokens": worked.effort.tokens,
                "tool_call_count": worked.effort.tool_calls,
                "cot_length_tokens": worked.effort.reasoning_tokens,
                "tests_run_count": worked.effort.tests_run,
            },
            "flagged": list(said.flags) if said else [],
            "flagged_at": wire_time(said.flagged_at) if said else None,
        }
    }


def behaviour_found(finding: Finding, now: datetime) -> Command:
    """What a job has found of a story, said once."""
    found = OBSERVED.decode(finding.details)
    stream = Stream("story", found.story_id)
    story_need, flag_need = STORIES.need(found.story_id), STORY_FLAGS.need(found.story_id)

    def decide(known: Known) -> Sequence[Change]:
        story = known[story_need]
        if story is None:
            return []
        return [Change(stream, event) for event in flag_story(story, found, known[flag_need])]

    return Command(
        origin=Origin(actor=ACTOR, at=now, refuse=refused), needs=(story_need, flag_need), streams=(stream,),
        decide=decide, answer=lambda *_: None,
    )  # fmt: skip


ROUTES: Sequence[HTTPRouteHandler] = (show_behaviour_of_story,)
