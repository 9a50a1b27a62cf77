"""The same report again: one that a budget blocked is tried once more, and its usage must not count twice."""

from datetime import datetime, timedelta

from msgspec import Struct

from domain.usage.events import TokenUsageReported
from domain.usage.report import BUCKETS

SAID = (*BUCKETS, "cost_millicents")
WITHIN = timedelta(hours=24)


class SaidBefore(Struct, frozen=True):
    """The last report of a story in a session; ``figures`` in the order of SAID."""

    model_name: str
    figures: tuple[int, ...]
    at: datetime


def said_in(event: TokenUsageReported, at: datetime) -> SaidBefore:
    return SaidBefore(event.model_name, tuple(getattr(event, name) for name in SAID), at)


def is_retry(event: TokenUsageReported, before: SaidBefore | None, now: datetime) -> bool:
    if before is None or now - before.at > WITHIN:
        return False
    return said_in(event, before.at) == before
