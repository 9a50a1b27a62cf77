"""Counts and costs as people read them (spec 02, section 1.6)."""

from collections.abc import Mapping
from typing import Any

UNITS = ((1_000_000, "M"), (1_000, "K"))


def short_tokens(count: int | None) -> str:
    """999, 1.5K, 2.5M: cut after one decimal, of which a zero is left out; of nothing 0."""
    count = count or 0
    for size, letter in UNITS:
        if count >= size:
            whole, tenth = divmod(count * 10 // size, 10)
            return f"{whole}.{tenth}{letter}" if tenth else f"{whole}{letter}"
    return str(count)


def cost_line(costs: Mapping[str, Any]) -> str | None:
    """Of a project's costs; None where it has cost nothing."""
    if not costs.get("total_cost_millicents", 0) > 0:
        return None
    return f"Cost: ${costs['total_cost_dollars']}  |  Tokens: {short_tokens(costs.get('total_tokens'))}"
