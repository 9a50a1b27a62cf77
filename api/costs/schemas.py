"""Costs on the wire (spec 02, section 3). Unknown members are ignored; null means: not said."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from api.times import wire_time
from domain.event import JsonText
from domain.usage.figures import Figures, mismatch_pct
from domain.usage.metered import SIGNALS, Measured, MeteredFigures
from domain.usage.report import Usage, UsageReport

Text = Annotated[str, Meta(max_length=65_536)]
Object = Annotated[dict[str, Any], Meta(max_length=64)]
CENT = Decimal("0.01")
MILLICENTS = 100_000
"""Of a dollar."""


class FiguresBody(Struct, frozen=True, kw_only=True):
    model_name: Text | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: Annotated[int, Meta(description="Not in input_tokens.")] | None = None
    cache_write_tokens: Annotated[int, Meta(description="Not in input_tokens.")] | None = None
    reasoning_tokens: Annotated[int, Meta(description="A part of output_tokens.")] | None = None
    cost_millicents: Annotated[int, Meta(description="Without a cost the price of the day is taken.")] | None = None
    cost: Annotated[str, Meta(max_length=64)] | int | float | None = None
    """Instead of cost_millicents, with its currency."""
    currency: Annotated[str, Meta(max_length=64, description="USD.")] | None = None
    phase: Text | None = None
    session_id: Text | None = None
    skill_version_id: UUID | None = None
    metadata: Object | None = None
    tool_call_count: int | None = None
    cot_length_tokens: int | None = None
    tests_run_count: int | None = None

    def usage(self) -> Usage:
        said = {name: getattr(self, name) for name in Usage.__struct_fields__}
        cost = None if self.cost is None else str(self.cost)
        return Usage(**{**said, "cost": cost, "metadata": json_text(self.metadata)})


class UsageBody(FiguresBody, frozen=True, kw_only=True):
    agent_id: UUID | None = None
    """Whose work it was; default the caller's."""


class ReportUsageBody(UsageBody, frozen=True, kw_only=True):
    story_id: UUID | None = None


class CorrectUsageBody(FiguresBody, frozen=True, kw_only=True):
    """The difference to what was reported: negative where it was less."""


def usage_body(tenant_id: UUID, report: UsageReport) -> dict[str, Any]:
    total = report.input_tokens + report.cache_read_tokens + report.cache_write_tokens + report.output_tokens
    return {
        "id": report.report_id,
        "tenant_id": tenant_id,
        "story_id": report.story_id,
        "epic_id": report.epic_id,
        "project_id": report.project_id,
        "agent_id": report.agent_id,
        "reporter_relation": report.relation,
        "source": "self_reported",
        "model_name": report.model_name,
        "input_tokens": report.input_tokens,
        "cache_read_tokens": report.cache_read_tokens,
        "cache_write_tokens": report.cache_write_tokens,
        "output_tokens": report.output_tokens,
        "reasoning_tokens": report.reasoning_tokens,
        "total_tokens": total,
        "cost_millicents": report.cost_millicents,
        "cost_dollars": dollars(report.cost_millicents),
        "cost_source": report.cost_source,
        "expected_cost_millicents": report.expected_millicents,
        "cost_mismatch_pct": mismatch_pct(report.cost_source, report.cost_millicents, report.expected_millicents),
        "phase": report.phase,
        "attempt": report.attempt,
        "session_id": report.session_id,
        "skill_version_id": report.skill_version_id,
        "metadata": msgspec.Raw(report.metadata.encode()),
        "tool_call_count": report.tool_call_count,
        "cot_length_tokens": report.cot_length_tokens,
        "tests_run_count": report.tests_run_count,
        "corrects_report_id": report.corrects_report_id,
        "deleted_at": wire_time(report.deleted_at),
        "inserted_at": wire_time(report.created_at),
        "updated_at": wire_time(report.updated_at),
    }


def totals_body(figures: Figures) -> dict[str, Any]:
    """What all reports of something come to."""
    return {
        "source": "self_reported",
        "total_input_tokens": figures.input_tokens,
        "total_cache_read_tokens": figures.cache_read_tokens,
        "total_cache_write_tokens": figures.cache_write_tokens,
        "total_output_tokens": figures.output_tokens,
        "total_tokens": figures.total_tokens,
        "total_cost_millicents": figures.cost_millicents,
        "cost_millicents": figures.cost_millicents,
        "total_cost_dollars": dollars(figures.cost_millicents),
        "report_count": figures.report_count,
        "unpriced_count": figures.unpriced_count,
        "mismatch_count": figures.mismatch_count,
    }


def metered_body(measured: Measured) -> dict[str, Any]:
    """What was measured, by the signal that told it; null where nothing has come by one. All may tell the same calls,
    so they are not added up, neither to each other nor to what was reported."""
    return {signal: _metered(measured[signal]) if signal in measured else None for signal in SIGNALS}


def _metered(figures: MeteredFigures) -> dict[str, Any]:
    return {
        "source": "metered",
        "total_input_tokens": figures.input_tokens,
        "total_cache_read_tokens": figures.cache_read_tokens,
        "total_cache_write_tokens": figures.cache_write_tokens,
        "total_output_tokens": figures.output_tokens,
        "total_tokens": figures.total_tokens,
        "total_cost_millicents": figures.cost_millicents,
        "total_cost_dollars": dollars(figures.cost_millicents),
        "export_count": figures.export_count,
        "unpriced_count": figures.unpriced_count,
    }


def metered_tokens(measured: Measured) -> dict[str, int | None]:
    """The same for rows of a table. Null where nothing was measured, which is not nothing."""
    return {signal: measured[signal].total_tokens if signal in measured else None for signal in SIGNALS}


def dollars(millicents: int | None) -> str:
    """Two decimals, half a cent up; never "-0.00"."""
    rounded = (Decimal(millicents or 0) / MILLICENTS).quantize(CENT, ROUND_HALF_UP)
    return str(rounded or abs(rounded))


def json_text(value: dict[str, Any] | None) -> JsonText:
    return JsonText(msgspec.json.encode(value or {}).decode())
