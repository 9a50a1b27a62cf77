"""The price of a report, by the tenant's own prices or the published ones (price_table.py)."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from msgspec import Struct

from domain.usage.price_table import PRICES

PER = 1_000_000
OWN_MEMBERS = (
    "input_per_mtok_millicents",
    "output_per_mtok_millicents",
    "cache_read_per_mtok_millicents",
    "cache_write_per_mtok_millicents",
)
"""Of an entry of ``model_pricing``; the last two may be left out."""


class Price(Struct, frozen=True):
    """Millicents for a million tokens. What has no price of its own is billed as input."""

    input: int
    output: int
    cache_read: int
    cache_write: int

    def cost(self, tokens_in: int, cache_read: int, cache_write: int, tokens_out: int) -> int:
        """Rounded half up, once."""
        exact = (
            tokens_in * self.input + cache_read * self.cache_read + cache_write * self.cache_write
            + tokens_out * self.output
        )  # fmt: skip
        return (2 * exact + PER) // (2 * PER)


def price_of(model: str, day: date, own: Mapping[str, Mapping[str, Any]]) -> Price | None:
    """None when nobody has said one. Of several that fit the longest name wins."""
    for name in sorted(own, key=len, reverse=True):
        if model == name or (name.endswith("*") and model.startswith(name[:-1])):
            said = [own[name].get(member) for member in OWN_MEMBERS]
            return _price(said[0] or 0, said[1] or 0, said[2], said[3])
    return published(model.rpartition("/")[2].lower().replace(".", "-"), day.isoformat())


@lru_cache(maxsize=4096)
def published(model: str, day: str) -> Price | None:
    """A name fits what goes on after it with something other than a letter or a digit: a date, a region."""
    found = [row for row in PRICES if row[1] <= day and _begins(model, row[0])]
    if not found:
        return None
    best = max(found, key=lambda row: (len(row[0]), row[1]))
    return _price(*best[2:])


def _begins(model: str, name: str) -> bool:
    return model.startswith(name) and not model[len(name) : len(name) + 1].isalnum()


def _price(tokens_in: int, tokens_out: int, cache_read: int | None, cache_write: int | None) -> Price:
    return Price(
        tokens_in,
        tokens_out,
        tokens_in if cache_read is None else cache_read,
        tokens_in if cache_write is None else cache_write,
    )
