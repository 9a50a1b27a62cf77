"""The lazy score and the flags of how a story was worked on (spec 02, sections 12 and 17.5, appendix B.5)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.tenant_settings import TenantSettings
from domain.usage.behaviour import Course, Effort, flags_of, lazy

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
SHOWING: dict[str, dict[str, Any]] = {
    "T": {"tokens": 1_000}, "C": {"tool_calls": 4}, "L": {"reasoning_tokens": 99}, "Z": {"tests_run": 0},
    "F": {"tests_run": 2},
}  # fmt: skip
VECTORS = {
    "T": (80, True), "C": (90, True), "L": (70, False), "Z": (100, True), "F": (60, False), "T+C": (85, True),
    "T+L": (75, True), "T+Z": (90, True), "T+F": (70, False), "C+L": (80, True), "C+L+F": (73, True),
    "T+C+L+F": (75, True), "C+Z": (95, True), "C+F": (75, True), "L+Z": (85, True), "L+F": (65, False),
    "T+C+L": (80, True), "T+C+Z": (90, True), "T+C+F": (77, True), "T+L+Z": (83, True), "T+L+F": (70, False),
    "C+L+Z": (87, True), "T+C+L+Z": (85, True), "": (0, False),
}  # fmt: skip
NOTHING = Course(assigned_at=None, reported_at=None, reviewed=False)


def effort(triggered: str, hours: str | None = "8") -> Effort:
    shown = {name: value for each in triggered.split("+") if each for name, value in SHOWING[each].items()}
    return Effort(estimated_hours=None if hours is None else Decimal(hours), **shown)


def flags(work: Effort, course: Course = NOTHING, **settings: Any) -> list[str]:
    return list(flags_of(work, course, TenantSettings(**settings), NOON)[1])


@pytest.mark.parametrize(("triggered", "score", "flagged"), [(name, *told) for name, told in VECTORS.items()])
def test_the_score_is_the_mean_of_what_shows(triggered: str, score: int, *, flagged: bool) -> None:
    assert lazy(effort(triggered)).score == score
    assert flags(effort(triggered)) == (["lazy"] if flagged else [])


def test_all_signals_of_the_example_at_once_and_of_thorough_work_none() -> None:
    idle = Effort(estimated_hours=Decimal(8), tokens=1000, tool_calls=2, reasoning_tokens=50, tests_run=0)
    busy = Effort(estimated_hours=Decimal(5), tokens=50_000, tool_calls=100, reasoning_tokens=5000, tests_run=25)
    assert (lazy(idle).score, [*lazy(idle).factors]) == (
        85, ["low_token_ratio", "few_tool_calls", "short_reasoning", "no_tests"],
    )  # fmt: skip
    assert lazy(busy).score == 0


def test_a_signal_that_nobody_has_reported_is_not_zero() -> None:
    """With zeros in their places it would be 0.87."""
    unknown = Effort(estimated_hours=Decimal(8), tokens=100_000)
    zeros = Effort(estimated_hours=Decimal(8), tokens=100_000, tool_calls=0, reasoning_tokens=0, tests_run=0)
    assert (lazy(unknown).score, lazy(zeros).score) == (0, 87)


@pytest.mark.parametrize(("hours", "score"), [("1", 0), ("0.5", 0), ("1.01", 90), (None, 90)])
def test_a_story_of_an_hour_is_not_looked_at_and_one_without_an_estimate_is(hours: str | None, score: int) -> None:
    assert lazy(effort("C", hours)).score == score


def test_the_share_of_tokens_needs_an_estimate_and_is_strict() -> None:
    fifth = Effort(estimated_hours=Decimal(8), tokens=16_000)
    assert lazy(fifth).score == 0
    assert lazy(Effort(estimated_hours=None, tokens=1)).score == 0


def test_a_tenant_sets_the_threshold() -> None:
    assert flags(effort("L"), lazy_threshold=0.69) == ["lazy"]
    assert flags(effort("Z"), lazy_threshold=1) == []


def course(reported: float, took: float | None = None, *, reviewed: bool = False) -> Course:
    """Hours ago, and how many it took."""
    at = NOON - timedelta(hours=reported)
    return Course(assigned_at=None if took is None else at - timedelta(hours=took), reported_at=at, reviewed=reviewed)


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (course(25), ["no_review"]), (course(24), []), (course(25, reviewed=True), []), (course(1, 0.39), ["too_fast"]),
        (course(1, 0.4), []), (course(48, 0.1), ["no_review", "too_fast"]),
    ],
)  # fmt: skip
def test_what_nobody_reviews_and_what_came_too_soon_is_flagged(after: Course, found: list[str]) -> None:
    """Of eight hours a twentieth is 24 minutes."""
    assert flags(effort(""), after) == found


def test_a_story_of_an_hour_cannot_come_too_soon() -> None:
    assert flags(effort("", "1"), course(1, 0.001)) == []
