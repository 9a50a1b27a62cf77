"""How work on a story looks from its figures: what an agent that only pretends to work would show (spec 02, sections 12
and 17.5). A signal that nobody has reported is unknown, not zero. Signals tell somebody to look; they refuse nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, assert_never
from uuid import UUID

import msgspec
from msgspec import Struct

from domain.event import JsonText, Recorded
from domain.lifecycle.events import StoryFlagged
from domain.story import Story, StoryDeleted
from domain.tenant_settings import TenantSettings

SHORT_HOURS = Decimal(1)
"""A story that was estimated to take no longer is not looked at."""
TOKENS_OF_HOUR = 10_000
FEW_TOKENS = Decimal("0.2")
"""Of what the estimate stands for."""
FEW_TOOL_CALLS, SHORT_REASONING, FEW_TESTS = 5, 100, 3

FACTORS: Mapping[str, int] = {
    "low_token_ratio": 80, "few_tool_calls": 90, "short_reasoning": 70, "no_tests": 100, "few_tests": 60,
}  # fmt: skip
"""Hundredths that each adds to the mean."""
REASONS: Mapping[str, str] = {
    "low_token_ratio": "fewer tokens than a fifth of what the estimate stands for",
    "few_tool_calls": "fewer than 5 tool calls",
    "short_reasoning": "less than 100 tokens of reasoning",
    "no_tests": "no tests were run",
    "few_tests": "fewer than 3 tests were run",
    "lazy": "its figures are those of work that was not done",
    "no_review": "it was reported and nobody has reviewed it",
    "too_fast": "it was reported long before it can have been done",
}
"""In words, by the code of a factor or a flag."""


class Effort(Struct, frozen=True, kw_only=True):
    """What all reports of a story say together; None for what none of them says."""

    estimated_hours: Decimal | None
    tokens: int | None = None
    tool_calls: int | None = None
    reasoning_tokens: int | None = None
    tests_run: int | None = None


class Lazy(Struct, frozen=True):
    """``score`` in hundredths, from 0, thorough, to 100; ``factors`` are those that it is the mean of."""

    score: int
    factors: Mapping[str, int]


class Observed(Struct, frozen=True, kw_only=True):
    """What a job has found of a story in this round of its work. ``flags`` are codes, of REASONS."""

    story_id: UUID
    iteration: int
    lazy_score: int
    lazy_factors: Mapping[str, int]
    flags: Sequence[str]


class Course(Struct, frozen=True, kw_only=True):
    """Of a story's work: when it was begun and reported, and whether anybody has reviewed the report."""

    assigned_at: datetime | None
    reported_at: datetime | None
    reviewed: bool


class StoryFlag(Struct, frozen=True, kw_only=True):
    """A row of app.story_flag: what was last found of the story."""

    story_id: UUID
    project_id: UUID
    iteration: int
    lazy_score: int
    lazy_factors: JsonText
    flags: tuple[str, ...]
    flagged_at: datetime
    position: int


def lazy(effort: Effort) -> Lazy:
    hours = effort.estimated_hours
    if hours is not None and hours <= SHORT_HOURS:
        return Lazy(0, {})
    codes = [code for code in (*_tokens(effort), *_signals(effort)) if code]
    factors = {code: FACTORS[code] for code in codes}
    score = (2 * sum(factors.values()) + len(factors)) // (2 * len(factors)) if factors else 0
    return Lazy(score, factors)


def _tokens(effort: Effort) -> Sequence[str]:
    hours = effort.estimated_hours
    if effort.tokens is None or hours is None or hours <= 0:
        return ()
    return ("low_token_ratio",) if Decimal(effort.tokens) < FEW_TOKENS * hours * TOKENS_OF_HOUR else ()


def _signals(effort: Effort) -> Sequence[str]:
    codes: list[str] = []
    if effort.tool_calls is not None and effort.tool_calls < FEW_TOOL_CALLS:
        codes.append("few_tool_calls")
    if effort.reasoning_tokens is not None and effort.reasoning_tokens < SHORT_REASONING:
        codes.append("short_reasoning")
    if effort.tests_run is not None and effort.tests_run < FEW_TESTS:
        codes.append("few_tests" if effort.tests_run else "no_tests")
    return codes


def flags_of(effort: Effort, course: Course, settings: TenantSettings, now: datetime) -> tuple[Lazy, Sequence[str]]:
    """The score, and the codes of all that somebody should look at."""
    found = lazy(effort)
    flags = ["lazy"] if found.score > Decimal(str(settings.lazy_threshold)) * 100 else []
    if course.reported_at is not None:
        hours = effort.estimated_hours
        waited = (now - course.reported_at).total_seconds()
        if not course.reviewed and waited > settings.sanity_review_hours * 3600:
            flags.append("no_review")
        if course.assigned_at is not None and hours is not None and hours > SHORT_HOURS:
            took = Decimal((course.reported_at - course.assigned_at).total_seconds())
            if took * 100 < hours * 3600 * settings.sanity_fastest_pct:
                flags.append("too_fast")
    return found, flags


def flag_story(story: Story, found: Observed, before: StoryFlag | None) -> tuple[StoryFlagged, ...]:
    """Nothing for what is confirmed by now or in another round, and nothing that was said already."""
    waits = story.review_requested_at is not None or story.agent_status == "reported_done"
    if not waits or story.verified_status == "verified" or story.iteration_count != found.iteration:
        return ()
    if before is not None and before.iteration == found.iteration and set(found.flags) <= set(before.flags):
        return ()
    return (
        StoryFlagged(
            project_id=story.project_id, epic_id=story.epic_id, agent_status_was=story.agent_status,
            iteration=found.iteration, flags=tuple(found.flags), lazy_score=found.lazy_score,
            lazy_factors=JsonText(msgspec.json.encode(dict(found.lazy_factors), order="sorted").decode()),
            agent_id=story.assigned_agent_id,
        ),
    )  # fmt: skip


def evolve_flag(flag: StoryFlag | None, recorded: Recorded) -> StoryFlag | None:
    event = recorded.event
    if not isinstance(event, StoryFlagged | StoryDeleted):
        return flag
    match event:
        case StoryFlagged():
            return StoryFlag(
                story_id=recorded.stream.id, project_id=event.project_id, iteration=event.iteration,
                lazy_score=event.lazy_score, lazy_factors=event.lazy_factors, flags=tuple(event.flags),
                flagged_at=recorded.at, position=recorded.position,
            )  # fmt: skip
        case StoryDeleted():
            return None
        case _:
            assert_never(event)


def in_words(codes: Sequence[str]) -> list[str]:
    return [REASONS.get(code, code) for code in codes]


def as_fraction(hundredths: int) -> Any:
    """0.85 for 85, as clients read it."""
    return hundredths / 100
