"""From an export to the numbers in it that are token usage: the conventions for generative AI, and what coding agents
send under names of their own (docs/costs.md)."""

from collections.abc import Mapping, Sequence
from uuid import UUID, uuid5

import msgspec

from api.otlp.attributes import (
    Attributes,
    Read,
    Unusable,
    as_object,
    as_text,
    attributes_of,
    inner,
    millicents,
    model_of,
    objects,
    session_of,
    story_of,
    whole,
)
from domain.usage.metered import Mark, Measure, Sample

TYPES: Mapping[str, Measure] = {
    "input": "input_tokens", "output": "output_tokens", "cacheRead": "cache_read_tokens",
    "cache_read": "cache_read_tokens", "cacheCreation": "cache_write_tokens", "cache_creation": "cache_write_tokens",
}  # fmt: skip
TOKENS: Mapping[str, str] = {"gen_ai.client.token.usage": "gen_ai.token.type", "claude_code.token.usage": "type"}
"""Metrics, each with the attribute that says of which kind its tokens are."""
COSTS = ("claude_code.cost.usage",)
"""In dollars."""
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
SPACE = UUID("6b1f5a04-7c55-4d5c-8f6a-0d6c2f0e7a11")


def samples_of_metrics(resources: Sequence[Attributes], agent: str) -> Read:
    """``agent`` keeps the running totals of two apart."""
    read = Read()
    for resource, _, metric in inner(resources, "scopeMetrics", "metrics"):
        name = as_text(metric.get("name"))
        if name not in TOKENS and name not in COSTS:
            continue
        for kind in ("sum", "histogram", "exponentialHistogram"):
            told = as_object(metric.get(kind))
            for point in objects(told.get("dataPoints")):
                try:
                    sample = _sample(name, told, {**resource, **attributes_of(point)}, point, (agent, resource))
                except Unusable as why:
                    read.reject(str(why))
                    continue
                if sample is not None:
                    read.take(sample)
    return read


def samples_of_spans(resources: Sequence[Attributes]) -> Read:
    read = Read()
    for resource, _, span in inner(resources, "scopeSpans", "spans"):
        about = {**resource, **attributes_of(span)}
        if about.get("gen_ai.operation.name") in AROUND:
            continue
        try:
            read.take_call([_of_call(about, *each) for each in _of_span(about)])
        except Unusable as why:
            read.reject(str(why))
    return read


def _of_call(about: Attributes, measure: Measure, amount: int) -> Sample:
    """Raises Unusable."""
    return Sample(
        signal="spans", model_name=model_of(about), session_id=session_of(about), story_id=story_of(about),
        measure=measure, amount=amount,
    )  # fmt: skip


def _of_span(about: Attributes) -> Sequence[tuple[Measure, int]]:
    """By the conventions the tokens in include those of the cache; here the counts have nothing in common."""
    counts = {
        kind: whole(next((about[name] for name in names if name in about), 0), kind)
        for kind, names in SPAN_TOKENS.items()
    }
    counts["input"] = max(counts["input"] - counts["cache_read"] - counts["cache_creation"], 0)
    return [(TYPES[kind], amount) for kind, amount in counts.items() if amount]


def _sample(
    name: str, told: Attributes, about: Attributes, point: Attributes, series: tuple[str, Attributes]
) -> Sample | None:
    """None for tokens of a kind that is a part of another. Raises Unusable."""
    measure = "cost_millicents" if name in COSTS else TYPES.get(as_text(about.get(TOKENS[name])))
    if measure is None:
        return None
    value = next((point[member] for member in ("asInt", "asDouble", "sum") if point.get(member) is not None), None)
    amount = millicents(value) if name in COSTS else whole(value, "a count of tokens")
    start, at = (whole(point.get(member, 0), member, LARGEST_NANOS) // 1000 for member in TIMES)
    temporality = str(told.get("aggregationTemporality"))
    if temporality not in (*DELTA, *CUMULATIVE):
        raise Unusable("aggregationTemporality must be delta (1) or cumulative (2)")
    mark = None
    if temporality in CUMULATIVE:
        # A process that begins anew is another series: its start is another one.
        told_by = msgspec.json.encode([*series, name, attributes_of(point), start], order="deterministic")
        mark = Mark(uuid5(SPACE, told_by.decode()), start, at, amount)
    return Sample(
        signal="metrics", model_name=model_of(about), session_id=session_of(about), story_id=story_of(about),
        measure=measure, amount=amount, mark=mark,
    )  # fmt: skip
