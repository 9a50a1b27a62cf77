"""What all signals of an export have in common: attributes, numbers, and whose work it is."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from msgspec import Struct, field

from domain.fields import LONGEST_NAME
from domain.usage.metered import Sample
from domain.usage.report import LARGEST_COUNT, MILLICENTS

STORY = "loopctl.story_id"
"""Of a resource, a point, a span or a log record: what the work is for."""
MODELS = ("gen_ai.response.model", "gen_ai.request.model", "model")
SESSIONS = ("session.id", "gen_ai.conversation.id", "conversation.id")
UNKNOWN_MODEL = "unknown"
MOST_SAMPLES = 300

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

    def take_call(self, samples: Sequence[Sample]) -> None:
        """All numbers of one call of a model, or none."""
        if len(self.samples) + len(samples) > MOST_SAMPLES:
            self.reject(f"more than {MOST_SAMPLES} numbers in one export")
        else:
            self.samples.extend(samples)


class Unusable(Exception):
    """In words for whoever exports."""


def inner(resources: Sequence[Any], scopes: str, items: str) -> Iterator[tuple[Attributes, Any, Any]]:
    for each in objects(resources):
        attributes = attributes_of(as_object(each.get("resource")))
        for scope in objects(each.get(scopes)):
            for item in objects(scope.get(items)):
                yield attributes, scope, item


def attributes_of(owner: Attributes) -> dict[str, Any]:
    """Those with a plain value."""
    found: dict[str, Any] = {}
    for each in objects(owner.get("attributes")):
        value = as_object(each.get("value"))
        for member in ("stringValue", "intValue", "doubleValue", "boolValue"):
            if member in value:
                found[as_text(each.get("key"))] = value[member]
    return found


def objects(value: Any) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else ()


def as_object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def model_of(about: Attributes) -> str:
    return next((each for name in MODELS if (each := line(about.get(name)))), UNKNOWN_MODEL)


def session_of(about: Attributes) -> str | None:
    return next((each for name in SESSIONS if (each := line(about.get(name)))), None)


def line(value: Any) -> str:
    return as_text(value).strip()[:LONGEST_NAME]


def story_of(about: Attributes) -> UUID | None:
    """Raises Unusable."""
    if STORY not in about:
        return None
    with suppress(ValueError):
        return UUID(as_text(about[STORY]))
    raise Unusable(f"{STORY} must be the id of a story")


def whole(value: Any, what: str, most: int = LARGEST_COUNT) -> int:
    """OTLP's JSON has 64-bit numbers as text; a count may come as a fraction without one. Raises Unusable."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most or value != int(value):
        raise Unusable(f"{what} must be a whole number from 0 to {most}")
    return int(value)


def millicents(value: Any) -> int:
    """Of dollars, as a number or as its digits. Raises Unusable."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LARGEST_COUNT / MILLICENTS:
        raise Unusable("a cost must be dollars, from 0")
    return round(value * MILLICENTS)
