"""Token usage as an agent reports it (spec 02, section 3). Nothing is overwritten: a correction is a report of its own
with the difference, a deletion an event that takes the figures back."""

from typing import ClassVar, Literal
from uuid import UUID

from domain.event import Event, Events, JsonText

Phase = Literal["planning", "implementing", "reviewing", "other"]
PHASES: tuple[Phase, ...] = ("planning", "implementing", "reviewing", "other")

CostSource = Literal["reported", "computed", "unpriced"]
"""Claimed by the caller, computed from a price, or neither: then the cost is zero because nobody knows it."""
Relation = Literal["assignee", "reviewer", "other"]
"""Of the one who reports to the story."""


class TokenUsageReported(Event, frozen=True, kw_only=True):
    """``cost_millicents`` is in thousandths of a US cent. The four counts have nothing in common: what was read from a
    cache is not in ``input_tokens``; reasoning is part of the output. Counts that were not given are None, not zero."""

    TAG: ClassVar[str] = "token_usage_report.created"
    project_id: UUID
    story_id: UUID
    agent_id: UUID | None
    model_name: str
    input_tokens: int
    output_tokens: int
    cost_millicents: int
    phase: Phase = "other"
    session_id: str | None = None
    skill_version_id: UUID | None = None
    metadata: JsonText = JsonText("{}")
    tool_call_count: int | None = None
    cot_length_tokens: int | None = None
    tests_run_count: int | None = None
    epic_id: UUID | None = None
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int | None = None
    cost_source: CostSource = "reported"
    expected_millicents: int | None = None
    """By the price of the model on that day, where there is one."""
    attempt: int = 0
    """Judgements of the story before this work: what comes before a rejection was done for nothing."""
    relation: Relation | None = None


class TokenUsageCorrected(TokenUsageReported, frozen=True, kw_only=True):
    """The difference to an earlier report, whose place and author it has; its counts may be negative."""

    TAG: ClassVar[str] = "token_usage_report.corrected"
    corrects_report_id: UUID


class TokenUsageDeleted(Event, frozen=True, kw_only=True):
    """With the figures that no longer count."""

    TAG: ClassVar[str] = "token_usage_report.deleted"
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
    cost_millicents: int
    cost_source: CostSource
    expected_millicents: int | None
    attempt: int
    skill_version_id: UUID | None
    corrects_report_id: UUID | None


TokenUsageEvent = TokenUsageReported | TokenUsageCorrected | TokenUsageDeleted
TOKEN_USAGE_EVENTS = Events[TokenUsageEvent](TokenUsageEvent)
