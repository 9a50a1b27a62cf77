"""Money by day as bars of an SVG: drawn on the server, so that it can be read without a script."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from msgspec import Struct

WIDTH, HEIGHT, GAP = 600, 140, 0.2
"""Of the drawing; the gap is a share of a bar's place."""
LEAST_DAYS = 14
"""Fewer would be blocks, not bars."""


class Bar(Struct, frozen=True):
    """A day, or as many as it takes."""

    x: float
    y: float
    width: float
    height: float
    first: date
    last: date
    millicents: int


class Bars(Struct, frozen=True):
    bars: Sequence[Bar]
    highest: int
    """In millicents; the scale ends there."""
    days: int
    """Of each bar."""


def bars(days: Sequence[Mapping[str, Any]], most: int) -> Bars | None:
    """``days`` as the API's trends have them, those without a report left out. Every day has its place, and when there
    are more than ``most``, several share one. None without any. What corrections made negative is drawn as nothing."""
    if not days:
        return None
    spent = {date.fromisoformat(each["period"]): each["total_cost_millicents"] for each in days}
    begin = min(*spent, max(spent) - timedelta(days=LEAST_DAYS - 1))
    whole = (max(spent) - begin).days + 1
    each = -(-whole // most)
    sums = [
        sum(spent.get(begin + timedelta(days=day), 0) for day in range(first, first + each))
        for first in range(0, whole, each)
    ]
    highest, place = max(*sums, 1), WIDTH / len(sums)
    drawn = []
    for number, amount in enumerate(sums):
        height, first = max(HEIGHT * amount / highest, 0), begin + timedelta(days=number * each)
        drawn.append(Bar(
            x=round(place * (number + GAP / 2), 1), y=round(HEIGHT - height, 1), width=round(place * (1 - GAP), 1),
            height=round(height, 1), first=first, last=first + timedelta(days=each - 1), millicents=amount,
        ))  # fmt: skip
    return Bars(drawn, highest, each)
