"""What work has cost: token usage as an agent reports it (spec 01, section 3.5)."""

from typing import Any, ClassVar, Literal
from uuid import UUID

from msgspec import Struct

from domain.errors import Invalid
from domain.event import Event, Events, JsonText
from domain.fields import LONGEST_JSON, LONGEST_NAME, Problems

LARGEST_COUNT = 2**53 - 1

Phase = Literal["planning", "implementing", "reviewing", "other"]
PHASES = ("planning", "implementing", "reviewing", "other")


class TokenUsageReported(Event, frozen=True, kw_only=True):
    """``cost_millicents`` is in thousandths of a US cent. Counts that were not given are None, not zero."""

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


TokenUsageEvent = TokenUsageReported
TOKEN_USAGE_EVENTS = Events[TokenUsageEvent](TokenUsageEvent)


class Usage(Struct, frozen=True, kw_only=True):
    """What a client says of it."""

    model_name: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_millicents: int | None = None
    phase: str | None = None
    session_id: str | None = None
    skill_version_id: UUID | None = None
    metadata: JsonText = JsonText("{}")
    tool_call_count: int | None = None
    cot_length_tokens: int | None = None
    tests_run_count: int | None = None


def report_usage(usage: Usage, project_id: UUID, story_id: UUID, agent_id: UUID | None) -> TokenUsageReported:
    """Raises Invalid, with fields named as members of token_usage."""
    problems = Problems()
    model = problems.required("model_name", usage.model_name, LONGEST_NAME)
    problems.optional("metadata", usage.metadata, LONGEST_JSON)
    counts: dict[str, Any] = {
        name: _count(problems, name, getattr(usage, name), required=name in REQUIRED) for name in (*REQUIRED, *OPTIONAL)
    }
    phase = usage.phase or "other"
    problems.one_of("phase", phase, PHASES)
    session = problems.line("session_id", usage.session_id, LONGEST_NAME)
    if problems.found:
        raise Invalid(**{f"token_usage.{field}": problem for field, problem in problems.found.items()})
    return TokenUsageReported(
        project_id=project_id, story_id=story_id, agent_id=agent_id, model_name=model, phase=phase,  # type: ignore[arg-type]  # checked above
        session_id=session, skill_version_id=usage.skill_version_id, metadata=usage.metadata,
        **counts,
    )  # fmt: skip


REQUIRED = ("input_tokens", "output_tokens", "cost_millicents")
OPTIONAL = ("tool_call_count", "cot_length_tokens", "tests_run_count")


def _count(problems: Problems, name: str, value: int | None, *, required: bool) -> int | None:
    if value is None:
        if required:
            problems.add(name, "can't be blank")
    elif value < 0:
        problems.add(name, "must be greater than or equal to 0")
    elif value > LARGEST_COUNT:
        problems.add(name, f"must be less than or equal to {LARGEST_COUNT}")
    return value
