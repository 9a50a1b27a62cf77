"""What coding agents write into their logs of each call of a model, under names of their own (docs/costs.md)."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

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
    session_of,
    story_of,
    whole,
)
from domain.usage.metered import Measure, Sample


class Told(Struct, frozen=True):
    """Attributes of one kind of record. ``within``: the tokens in include those of the cache. ``beside``: counts that
    are in none of the others, each with what it is a part of here. ``only``: the record is of a call only with these.
    """

    counts: Mapping[Measure, str]
    within: bool
    beside: Mapping[str, Measure] = {}
    only: Mapping[str, str] = {}
    cost: str | None = None
    """In dollars."""


TOLD: Mapping[str, Told] = {
    "claude_code.api_request": Told(
        counts={
            "input_tokens": "input_tokens", "cache_read_tokens": "cache_read_tokens",
            "cache_write_tokens": "cache_creation_tokens", "output_tokens": "output_tokens",
        },
        within=False,
        cost="cost_usd",
    ),
    "codex.sse_event": Told(
        counts={
            "input_tokens": "input_token_count", "cache_read_tokens": "cached_token_count",
            "output_tokens": "output_token_count",
        },
        within=True,
        only={"event.kind": "response.completed"},
    ),
    "gemini_cli.api_response": Told(
        counts={
            "input_tokens": "input_token_count", "cache_read_tokens": "cached_content_token_count",
            "output_tokens": "output_token_count",
        },
        within=True,
        beside={"thoughts_token_count": "output_tokens", "tool_token_count": "input_tokens"},
    ),
}  # fmt: skip


def samples_of_logs(resources: Sequence[Attributes]) -> Read:
    read = Read()
    for resource, _, record in inner(resources, "scopeLogs", "logRecords"):
        about = {**resource, **attributes_of(record)}
        told = _told(about, record)
        if told is None or any(about.get(name) != value for name, value in told.only.items()):
            continue
        try:
            read.take_call(_samples(told, about))
        except Unusable as why:
            read.reject(str(why))
    return read


def _told(about: Attributes, record: Attributes) -> Told | None:
    """By its name, which is in one of three places: a member of newer exporters, the body, or an attribute."""
    names = (record.get("eventName"), as_object(record.get("body")).get("stringValue"), about.get("event.name"))
    return next((TOLD[name] for each in names if (name := as_text(each)) in TOLD), None)


def _samples(told: Told, about: Attributes) -> Sequence[Sample]:
    """Raises Unusable."""
    counts = {measure: _count(about, name) for measure, name in told.counts.items()}
    if told.within:
        counts["input_tokens"] = max(counts["input_tokens"] - counts["cache_read_tokens"], 0)
    for name, measure in told.beside.items():
        counts[measure] += _count(about, name)
    if told.cost and told.cost in about:
        counts["cost_millicents"] = millicents(about[told.cost])
    return [
        Sample(
            signal="logs", model_name=model_of(about), session_id=session_of(about), story_id=story_of(about),
            measure=measure, amount=amount,
        )
        for measure, amount in counts.items()
    ]  # fmt: skip


def _count(about: Attributes, name: str) -> int:
    """Raises Unusable."""
    return whole(about.get(name, 0), name)
