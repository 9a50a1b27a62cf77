"""What is right in the bodies of costs (bodies.py)."""

from collections.abc import Mapping
from typing import Any

from api.documentation.shown import Shown, one_of, text, whole
from domain.fields import LONGEST_NAME, LONGEST_TITLE
from domain.usage.budget import BUDGET_SCOPES, ENFORCEMENTS, LARGEST_LIMIT, LIMITS, PERS
from domain.usage.events import PHASES
from domain.usage.report import BUCKETS, LARGEST_COUNT

SOME_STORY = "0193a2b4-0000-7000-8000-000000000011"
USAGE = {"model_name": "claude-sonnet-4-5", "input_tokens": 12_000, "output_tokens": 3_000, "cost_millicents": 8_100}
NAME, COUNT = text(LONGEST_NAME), whole(0, LARGEST_COUNT)
DIFFERENCE = whole(-LARGEST_COUNT, LARGEST_COUNT)
MEMBERS: dict[str, Any] = {
    "model_name": NAME, "phase": one_of(PHASES), **dict.fromkeys((*BUCKETS, "reasoning_tokens"), COUNT),
    "cost_millicents": COUNT,
}  # fmt: skip

TERMS: dict[str, Any] = {
    **dict.fromkeys(LIMITS, whole(1, LARGEST_LIMIT)), "alert_threshold_pct": whole(1, 100),
    "enforcement": one_of(ENFORCEMENTS),
}  # fmt: skip

OF_STORY = {"attributes": [{"key": "loopctl.story_id", "value": {"stringValue": SOME_STORY}}]}
POINT = {
    "attributes": [
        {"key": "type", "value": {"stringValue": "input"}},
        {"key": "model", "value": {"stringValue": "claude-sonnet-4-5"}},
    ],
    "startTimeUnixNano": "1774612800000000000", "timeUnixNano": "1774612860000000000", "asInt": "12000",
}  # fmt: skip
METRIC = {"name": "claude_code.token.usage", "sum": {"aggregationTemporality": 1, "dataPoints": [POINT]}}
MEASURED = {"resource": OF_STORY, "scopeMetrics": [{"metrics": [METRIC]}]}
SPAN = {
    "name": "chat", "attributes": [
        {"key": "gen_ai.request.model", "value": {"stringValue": "claude-sonnet-4-5"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "12000"}},
    ],
}  # fmt: skip
TRACED = {"resource": OF_STORY, "scopeSpans": [{"spans": [SPAN]}]}
RECORD = {
    "body": {"stringValue": "claude_code.api_request"}, "attributes": [
        {"key": "model", "value": {"stringValue": "claude-sonnet-4-5"}},
        {"key": "input_tokens", "value": {"intValue": "12000"}},
    ],
}  # fmt: skip
LOGGED = {"resource": OF_STORY, "scopeLogs": [{"logRecords": [RECORD]}]}

COST_BODIES: Mapping[str, Shown] = {
    "UsageBody": Shown(USAGE, ("model_name", "input_tokens", "output_tokens"), MEMBERS),
    "ReportUsageBody": Shown(
        {**USAGE, "story_id": SOME_STORY}, ("story_id", "model_name", "input_tokens", "output_tokens"), MEMBERS
    ),
    "CorrectUsageBody": Shown(
        {"input_tokens": -2_000, "output_tokens": 0, "cost_millicents": -600},
        ("input_tokens", "output_tokens", "cost_millicents"),
        {**MEMBERS, **dict.fromkeys((*BUCKETS, "cost_millicents"), DIFFERENCE)},
    ),
    "MetricsBody": Shown({"resourceMetrics": [MEASURED]}),
    "TracesBody": Shown({"resourceSpans": [TRACED]}),
    "LogsBody": Shown({"resourceLogs": [LOGGED]}),
    "SettleAnomalyBody": Shown(
        {"resolved": True, "note": "A large migration"},
        members={"note": text(LONGEST_TITLE)},
    ),
    "CreateBudgetBody": Shown(
        {"scope_type": "story", "scope_id": SOME_STORY, "budget_tokens": 200_000, "enforcement": "block"},
        ("scope_type", "scope_id"),
        {"scope_type": one_of(BUDGET_SCOPES), "per": one_of(PERS), **TERMS},
    ),
    "BudgetBody": Shown({"budget_tokens": 300_000}, members=TERMS),
    "ProjectBudgetBody": Shown(
        {"scope_type": "per_story", "token_limit": 200_000, "warning_threshold": 0.8, "enforcement": "warn"},
        ("scope_type", "token_limit"),
        {
            "scope_type": one_of(("per_project", *(f"per_{each}" for each in PERS))),
            "token_limit": whole(1, LARGEST_LIMIT),
            "warning_threshold": {"type": "number", "minimum": 0.01, "maximum": 1},
            "enforcement": one_of(ENFORCEMENTS),
        },
    ),
}
