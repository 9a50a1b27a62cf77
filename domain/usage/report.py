"""One report as its events leave it, and the decisions about it: made, corrected, deleted."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, assert_never
from uuid import UUID

from msgspec import Struct, structs

from domain.errors import Invalid, NotFound
from domain.event import JsonText, Recorded
from domain.fields import BLANK, LONGEST_JSON, LONGEST_NAME, Problems, must_be
from domain.usage.archival import TokenDataArchived
from domain.usage.events import (
    PHASES,
    TOKEN_USAGE_EVENTS,
    CostSource,
    Phase,
    Relation,
    TokenUsageCorrected,
    TokenUsageDeleted,
    TokenUsageReported,
)
from domain.usage.figures import Figures
from domain.usage.pricing import price_of

LARGEST_COUNT = 10**12
"""Of one report: a million times the longest prompt there is, or ten million dollars."""
BUCKETS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
MEASURES = ("reasoning_tokens", "tool_call_count", "cot_length_tokens", "tests_run_count")
CURRENCY = "USD"
MILLICENTS = 100_000
"""Of one dollar."""
LONGEST_COST = 32


class UsageReport(Struct, frozen=True, kw_only=True):
    """A row of app.token_usage_report."""

    report_id: UUID
    project_id: UUID
    epic_id: UUID | None
    story_id: UUID
    agent_id: UUID | None
    model_name: str
    phase: Phase
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int | None
    cost_millicents: int
    cost_source: CostSource
    expected_millicents: int | None
    session_id: str | None
    skill_version_id: UUID | None
    metadata: JsonText
    tool_call_count: int | None
    cot_length_tokens: int | None
    tests_run_count: int | None
    attempt: int
    relation: Relation | None
    corrects_report_id: UUID | None
    deleted_at: datetime | None
    created_at: datetime
    updated_at: datetime
    position: int
    """Of the newest event."""


class Usage(Struct, frozen=True, kw_only=True):
    """What a client says of it. ``cost`` is in ``currency``, which must then be said."""

    model_name: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_millicents: int | None = None
    cost: str | None = None
    currency: str | None = None
    phase: str | None = None
    session_id: str | None = None
    skill_version_id: UUID | None = None
    metadata: JsonText = JsonText("{}")
    tool_call_count: int | None = None
    cot_length_tokens: int | None = None
    tests_run_count: int | None = None


class Work(Struct, frozen=True, kw_only=True):
    """Whose work on which story is reported, and when; ``prices`` are the tenant's own."""

    project_id: UUID
    epic_id: UUID
    story_id: UUID
    agent_id: UUID | None
    attempt: int
    relation: Relation
    at: datetime
    prices: Mapping[str, Any]


def report_usage(usage: Usage, work: Work, place: str = "") -> TokenUsageReported:
    """Without a cost the price of the day is taken. Raises Invalid, with fields named as members of ``place``."""
    problems = Problems()
    model = problems.required("model_name", usage.model_name, LONGEST_NAME)
    counts: dict[str, Any] = {name: _count(problems, usage, name) for name in (*BUCKETS, *MEASURES)}
    for name in ("input_tokens", "output_tokens"):
        if counts[name] is None:
            problems.add(name, BLANK)
    _check_reasoning(problems, counts)
    claimed = _claimed(problems, usage)
    said = _said(problems, usage)
    if problems.found:
        raise Invalid(**{f"{place}{field}": problem for field, problem in problems.found.items()})
    price = price_of(model, work.at.date(), work.prices)
    buckets: list[Any] = [counts[name] or 0 for name in BUCKETS]
    expected = price.cost(*buckets) if price else None
    source: CostSource = "reported" if claimed is not None else "computed" if expected is not None else "unpriced"
    return TokenUsageReported(
        project_id=work.project_id, epic_id=work.epic_id, story_id=work.story_id, agent_id=work.agent_id,
        model_name=model, cost_millicents=claimed if claimed is not None else expected or 0, cost_source=source,
        expected_millicents=expected, attempt=work.attempt, relation=work.relation, **said,
        **dict(zip(BUCKETS, buckets, strict=True)), **{name: counts[name] for name in MEASURES},
    )  # fmt: skip


def correct_usage(report: UsageReport | None, usage: Usage, story: Figures, net: Figures) -> TokenUsageCorrected:
    """``story`` is what the reports of the story come to, ``net`` the report with its corrections: neither may become
    negative. Raises NotFound and Invalid."""
    report = _standing(report)
    problems = Problems()
    counts = {name: _count(problems, usage, name, signed=True) for name in BUCKETS}
    for name in ("input_tokens", "output_tokens"):
        if counts[name] is None:
            problems.add(name, BLANK)
    for name in MEASURES:
        if getattr(usage, name) is not None:
            problems.add(name, "is no part of a correction, which is of tokens and their cost")
    cost = _claimed(problems, usage, signed=True)
    if cost is None:
        problems.add("cost_millicents", BLANK)
    said = _said(problems, structs.replace(usage, phase=usage.phase or report.phase))
    model = problems.line("model_name", usage.model_name, LONGEST_NAME) or report.model_name
    problems.raise_any()
    changes: dict[str, Any] = {**{name: counts[name] or 0 for name in BUCKETS}, "cost_millicents": cost or 0}
    for name in ("input_tokens", "output_tokens", "cost_millicents", "cache_read_tokens", "cache_write_tokens"):
        _check_not_negative(name, changes[name], getattr(story, name), getattr(net, name))
    return TokenUsageCorrected(
        project_id=report.project_id, epic_id=report.epic_id, story_id=report.story_id, agent_id=report.agent_id,
        model_name=model, attempt=report.attempt, relation=report.relation, corrects_report_id=report.report_id,
        **said, **changes,
    )  # fmt: skip


def delete_usage(report: UsageReport | None, story: Figures) -> TokenUsageDeleted:
    """Raises NotFound, and Invalid where corrections of it would be left with nothing to correct."""
    report = _standing(report)
    for name in (*BUCKETS, "cost_millicents"):
        if getattr(story, name) < getattr(report, name):
            raise Invalid(
                f"Without this report the story's {name} would be negative, because of its corrections: "
                "delete those first.",
                code="negative_total",
            )
    return TokenUsageDeleted(**{name: getattr(report, name) for name in TokenUsageDeleted.__struct_fields__})


def evolve_report(report: UsageReport | None, recorded: Recorded) -> UsageReport | None:
    event = recorded.event
    if isinstance(event, TokenDataArchived):
        return report if report is None or report.created_at >= event.before else None
    if not TOKEN_USAGE_EVENTS.has(event):
        return report
    match event:
        case TokenUsageReported():
            names = set(UsageReport.__struct_fields__) & set(event.__struct_fields__)
            corrected = event.corrects_report_id if isinstance(event, TokenUsageCorrected) else None
            return UsageReport(
                **{**{name: getattr(event, name) for name in names}, "corrects_report_id": corrected},
                report_id=recorded.stream.id, deleted_at=None, created_at=recorded.at, updated_at=recorded.at,
                position=recorded.position,
            )  # fmt: skip
        case TokenUsageDeleted():
            if report is None:
                return None
            at, position = recorded.at, recorded.position
            return structs.replace(report, deleted_at=at, updated_at=at, position=position)
        case _:
            assert_never(event)


def _standing(report: UsageReport | None) -> UsageReport:
    if report is None or report.deleted_at is not None:
        raise NotFound("Not found")
    return report


def _said(problems: Problems, usage: Usage) -> dict[str, Any]:
    problems.optional("metadata", usage.metadata, LONGEST_JSON)
    phase = (usage.phase or "").strip() or "other"
    problems.one_of("phase", phase, PHASES)
    session = problems.line("session_id", usage.session_id, LONGEST_NAME)
    return {
        "phase": phase, "session_id": session, "skill_version_id": usage.skill_version_id, "metadata": usage.metadata
    }  # fmt: skip


def _count(problems: Problems, usage: Usage, name: str, *, signed: bool = False) -> int | None:
    value: int | None = getattr(usage, name)
    if value is not None:
        _check_bounds(problems, name, value, signed=signed)
    return value


def _check_bounds(problems: Problems, name: str, value: int, *, signed: bool) -> None:
    if value < 0 and not signed:
        problems.add(name, "must be greater than or equal to 0")
    elif abs(value) > LARGEST_COUNT:
        problems.add(name, f"must be less than or equal to {LARGEST_COUNT}")


def _check_reasoning(problems: Problems, counts: Mapping[str, int | None]) -> None:
    reasoning, written = counts["reasoning_tokens"], counts["output_tokens"]
    if reasoning is not None and written is not None and reasoning > written:
        problems.add("reasoning_tokens", "must be less than or equal to output_tokens, of which they are a part")


def _claimed(problems: Problems, usage: Usage, *, signed: bool = False) -> int | None:
    """In millicents; None when no cost is said."""
    currency = (usage.currency or "").strip().upper()
    if currency not in ("", CURRENCY):
        problems.add("currency", must_be(f"{CURRENCY}: costs are kept in thousandths of a US cent"))
    if usage.cost is None:
        if usage.cost_millicents is not None:
            _check_bounds(problems, "cost_millicents", usage.cost_millicents, signed=signed)
        return usage.cost_millicents
    if usage.cost_millicents is not None:
        problems.add("cost", "says the same as cost_millicents: leave one of them out")
    if not currency:
        problems.add("currency", f"{BLANK}: a cost has one ({CURRENCY}); cost_millicents needs none")
    millicents = _millicents(usage.cost)
    if millicents is None:
        problems.add("cost", must_be('a decimal number, such as "0.0125"'))
        return None
    _check_bounds(problems, "cost", millicents, signed=signed)
    return millicents


def _millicents(text: str) -> int | None:
    """Half a millicent counts as a whole one."""
    try:
        amount = Decimal(text) if len(text) <= LONGEST_COST else Decimal("nan")
    except InvalidOperation:
        return None
    if not amount.is_finite() or abs(amount.adjusted()) > LONGEST_COST:
        return None
    exact = amount * MILLICENTS
    return int((exact + Decimal("0.5")).to_integral_value("ROUND_FLOOR"))


def _check_not_negative(name: str, change: int, story: int, net: int) -> None:
    for what, sum_ in (("the story's total", story), ("the report with its corrections", net)):
        if sum_ + change < 0:
            problem = f"{what} would be {sum_ + change}: at most {sum_} can be taken away"
            raise Invalid(f"{name}: {problem}", code="negative_total", **{name: problem})
