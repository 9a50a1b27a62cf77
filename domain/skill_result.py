"""What became of work that a version of a skill was used for: its verification, and figures of it (spec 02, section
7.6)."""

import math
from datetime import datetime
from typing import Any, ClassVar, assert_never
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from domain.errors import Conflict, Invalid
from domain.event import Event, Events, JsonText, Recorded
from domain.fields import LONGEST_JSON, Problems

LARGEST_FIGURE = 2**53
"""Of a metric that counts; larger ones are kept and not counted with."""


class SkillResultRecorded(Event, frozen=True, kw_only=True):
    """``metrics`` are a client's own; findings_count, false_positive_count and iteration are counted with."""

    TAG: ClassVar[str] = "skill_result.created"
    skill_id: UUID
    skill_version_id: UUID
    verification_result_id: UUID
    story_id: UUID
    project_id: UUID
    metrics: JsonText = JsonText("{}")


SkillResultEvent = SkillResultRecorded
SKILL_RESULT_EVENTS = Events[SkillResultEvent](SkillResultEvent)


class SkillResult(Struct, frozen=True, kw_only=True):
    """A row of app.skill_result. The figures are those of the metrics that are numbers."""

    result_id: UUID
    skill_id: UUID
    skill_version_id: UUID
    verification_result_id: UUID
    story_id: UUID
    metrics: JsonText
    findings_count: float | None
    false_positive_count: float | None
    iteration: float | None
    created_at: datetime
    position: int


class ResultFacts(Struct, frozen=True, kw_only=True):
    """What there is of what a result names; None for what is not the tenant's. ``verified_story_id`` is whose the
    verification is."""

    skill_id: UUID | None
    project_id: UUID | None
    verified_story_id: UUID | None
    recorded: SkillResult | None


class NewResult(Struct, frozen=True, kw_only=True):
    """As the client says it."""

    skill_version_id: UUID
    verification_result_id: UUID
    story_id: UUID
    metrics: JsonText = JsonText("{}")


def result_id(skill_version_id: UUID, verification_result_id: UUID) -> UUID:
    """Of the result's stream: a version has one for each verification."""
    return uuid5(skill_version_id, f"skill_result:{verification_result_id}")


def record_result(wish: NewResult, facts: ResultFacts) -> tuple[SkillResultRecorded, ...]:
    """Nothing when the same was recorded before. Raises Invalid, and Conflict when something else was."""
    problems = Problems()
    problems.optional("metrics", wish.metrics, LONGEST_JSON)
    if facts.skill_id is None:
        problems.add("skill_version_id", "does not exist")
    if facts.project_id is None:
        problems.add("story_id", "does not exist")
    if facts.verified_story_id is None:
        problems.add("verification_result_id", "does not exist")
    elif facts.verified_story_id != wish.story_id:
        problems.add("verification_result_id", "is of another story")
    if problems.found or facts.skill_id is None or facts.project_id is None:
        raise Invalid(**problems.found)
    if facts.recorded is not None:
        if facts.recorded.metrics == wish.metrics:
            return ()
        raise Conflict("This version has a result for this verification already, with other metrics.")
    return (
        SkillResultRecorded(
            skill_id=facts.skill_id, skill_version_id=wish.skill_version_id,
            verification_result_id=wish.verification_result_id, story_id=wish.story_id,
            project_id=facts.project_id, metrics=wish.metrics,
        ),
    )  # fmt: skip


def evolve_skill_result(result: SkillResult | None, recorded: Recorded) -> SkillResult | None:
    event = recorded.event
    if not SKILL_RESULT_EVENTS.has(event):
        return result
    match event:
        case SkillResultRecorded():
            metrics = msgspec.json.decode(event.metrics)
            return SkillResult(
                result_id=recorded.stream.id, skill_id=event.skill_id, skill_version_id=event.skill_version_id,
                verification_result_id=event.verification_result_id, story_id=event.story_id, metrics=event.metrics,
                findings_count=_figure(metrics, "findings_count"),
                false_positive_count=_figure(metrics, "false_positive_count"),
                iteration=_figure(metrics, "iteration"), created_at=recorded.at, position=recorded.position,
            )  # fmt: skip
        case _:
            assert_never(event)


def _figure(metrics: Any, name: str) -> float | None:
    """None for what is no number that can be counted with; true is none."""
    value = metrics.get(name) if isinstance(metrics, dict) else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return float(value) if abs(value) <= LARGEST_FIGURE else None
