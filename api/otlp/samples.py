"""From an export to the numbers in it that are token usage: the conventions for generative AI, and what coding agents
send under names of their own (docs/costs.md)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct, field

from domain.fields import LONGEST_NAME
from domain.usage.metered import Mark, Measure, Sample
from domain.usage.report import LARGEST_COUNT, MILLICENTS

STORY = "loopctl.story_id"
"""Of a resource, a point or a span: what the work is for."""
TYPES: Mapping[str, Measure] = {
    "input": "input_tokens", "output": "output_tokens", "cacheRead": "cache_read_tokens",
    "cache_read": "cache_read_tokens", "cacheCreation": "cache_write_tokens", "cache_creation": "cache_write_tokens",
}  # fmt: skip
TOKENS: Mapping[str, str] = {"gen_ai.client.token.usage": "gen_ai.token.type", "claude_code.token.usage": "type"}
"""Metrics, each with the attribute that says of which kind its tokens are."""
COSTS = ("claude_code.cost.usage",)
"""In dollars."""
MODELS = ("gen_ai.response.model", "gen_ai.request.model", "model")
SESSIONS = ("session.id", "gen_ai.conversation.id")
UNKNOWN_MODEL = "unknown"
AROUND = ("invoke_agent", "create_agent", "execute_tool")
"""Operations whose spans have the calls of a model inside, with the same tokens once more."""
SPAN_TOKENS: Mapping[str, Sequence[str]] = {
    "input": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "cache_read": ("gen_ai.usage.cache_read.input_tokens",),
    "cache_creation": ("gen_ai.usage.cache_creation.input_tokens",),
}
DELTA, CUMULATIVE = ("1", "AGGREGATION_TEMPORALITY_DELTA"), ("2", "AGGREGATION_TEMPORALITY_CUMULATIVE")
TIMES = ("startTimeUnixNano", "timeUnixNano")
LARGEST_NANOS = 2**63 - 1
MOST_SAMPLES = 300
SPACE = UUID("6b1f5a04-7c55-4d5c-8f6a-0d6c2f0e7a11")

Attributes = Mapping[str, Any]


class Read(Struct):
    """What an export comes to. ``rejected`` counts token usage that cannot be taken, ``why`` is the first reason."""

    samples: list[Sample] = field(default_factory=list)
    rejected: int = 0
    why: str = ""

    def reject(self, why: str) -> None:
        self.rejected += 1
        self.why = self.why or why

    def take(self, sample: Sample) -> None:
        if len(self.samples) >= MOST_SAMPLES:
            self.reject(f"more than {MOST_SAMPLES} numbers in one export")
        else:
            self.samples.append(sample)


class Unusable(Exception):
    """In words for whoever exports."""


def samples_of_metrics(resources: Sequence[Any], agent: str) -> Read:
    """``agent`` keeps the running totals of two apart."""
    read = Read()
    for resource, _, metric in _inner(resources, "scopeMetrics", "metrics"):
        name = _text(metric.get("name"))
        if name not in TOKENS and name not in COSTS:
            continue
        for kind in ("sum", "histogram", "exponentialHistogram"):
            told = _object(metric.get(kind))
            for point in _objects(told.get("dataPoints")):
                try:
                    sample = _sample(name, told, {**resource, **_attributes(point)}, point, (agent, resource))
                except Unusable as why:
                    read.reject(str(why))
                    continue
                if sample is not None:
                    read.take(sample)
    return read


def samples_of_spans(resources: Sequence[Any]) -> Read:
    read = Read()
    for resource, _, span in _inner(resources, "scopeSpans", "spans"):
        about = {**resource, **_attributes(span)}
        if about.get("gen_ai.operation.name") in AROUND:
            continue
        try:
            for measure, amount in _of_span(about):
                read.take(
                    Sample(
                        signal="spans", model_name=_model(about), session_id=_session(about), story_id=_story(about),
                        measure=measure, amount=amount,
                    )
                )  # fmt: skip
        except Unusable as why:
            read.reject(str(why))
    return read


def _of_span(about: Attributes) -> Sequence[tuple[Measure, int]]:
    """By the conventions the tokens in include those of the cache; here the counts have nothing in common."""
    counts = {
        kind: _whole(next((about[name] for name in names if name in about), 0), kind)
        for kind, names in SPAN_TOKENS.items()
    }
    counts["input"] = max(counts["input"] - counts["cache_read"] - counts["cache_creation"], 0)
    return [(TYPES[kind], amount) for kind, amount in counts.items() if amount]


def _sample(
    name: str, told: Attributes, about: Attributes, point: Attributes, series: tuple[str, Attributes]
) -> Sample | None:
    """None for tokens of a kind that is a part of another. Raises Unusable."""
    measure = "cost_millicents" if name in COSTS else TYPES.get(_text(about.get(TOKENS[name])))
    if measure is None:
        return None
    value = next((point[member] for member in ("asInt", "asDouble", "sum") if point.get(member) is not None), None)
    amount = _millicents(value) if name in COSTS else _whole(value, "a count of tokens")
    start, at = (_whole(point.get(member, 0), member, LARGEST_NANOS) // 1000 for member in TIMES)
    temporality = str(told.get("aggregationTemporality"))
    if temporality not in (*DELTA, *CUMULATIVE):
        raise Unusable("aggregationTemporality must be delta (1) or cumulative (2)")
    mark = None
    if temporality in CUMULATIVE:
        # A process that begins anew is another series: its start is another one.
        told_by = msgspec.json.encode([*series, name, _attributes(point), start], order="deterministic")
        mark = Mark(uuid5(SPACE, told_by.decode()), start, at, amount)
    return Sample(
        signal="metrics", model_name=_model(about), session_id=_session(about), story_id=_story(about),
        measure=measure, amount=amount, mark=mark,
    )  # fmt: skip


def _inner(resources: Sequence[Any], scopes: str, items: str) -> Iterator[tuple[Attributes, Any, Any]]:
    for each in _objects(resources):
        attributes = _attributes(_object(each.get("resource")))
        for scope in _objects(each.get(scopes)):
            for item in _objects(scope.get(items)):
                yield attributes, scope, item


def _attributes(owner: Attributes) -> dict[str, Any]:
    """Those with a plain value."""
    found: dict[str, Any] = {}
    for each in _objects(owner.get("attributes")):
        value = _object(each.get("value"))
        for member in ("stringValue", "intValue", "doubleValue", "boolValue"):
            if member in value:
                found[_text(each.get("key"))] = value[member]
    return found


def _objects(value: Any) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else ()


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _model(about: Attributes) -> str:
    return next((each for name in MODELS if (each := _line(about.get(name)))), UNKNOWN_MODEL)


def _session(about: Attributes) -> str | None:
    return next((each for name in SESSIONS if (each := _line(about.get(name)))), None)


def _line(value: Any) -> str:
    return _text(value).strip()[:LONGEST_NAME]


def _story(about: Attributes) -> UUID | None:
    """Raises Unusable."""
    if STORY not in about:
        return None
    with suppress(ValueError):
        return UUID(_text(about[STORY]))
    raise Unusable(f"{STORY} must be the id of a story")


def _whole(value: Any, what: str, most: int = LARGEST_COUNT) -> int:
    """OTLP's JSON has 64-bit numbers as text; a count may come as a fraction without one. Raises Unusable."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most or value != int(value):
        raise Unusable(f"{what} must be a whole number from 0 to {most}")
    return int(value)


def _millicents(value: Any) -> int:
    """Raises Unusable."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LARGEST_COUNT / MILLICENTS:
        raise Unusable("a cost must be dollars, from 0")
    return round(value * MILLICENTS)
