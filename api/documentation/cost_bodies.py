"""What is right in the bodies of costs (bodies.py)."""

from collections.abc import Mapping
from typing import Any

from api.documentation.shown import Shown, one_of, text, whole
from domain.fields import LONGEST_NAME
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
}
