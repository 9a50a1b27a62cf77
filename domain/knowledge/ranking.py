"""Which of the articles that were found come first (spec 03, sections 6.3 and 7)."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

POOL = 50
"""Of each way of searching, so many are put together."""
HALF, HALVES = 0.5, 1.0
TOLERANCE = 0.01
FRESH_DAYS = 30
"""After so many days a text counts for 1/e of a fresh one."""
DAY = 86_400
TOKEN_BYTES = 4
"""Bytes of UTF-8 that make a token, about: no model's own count, and never far below it for prose or code."""
LEAST_SHOWN = 100
"""Tokens below which the beginning of a text is no use."""
PLACES = 4

Found = Mapping[UUID, float]
"""Scores, each on the scale of its own way of searching."""


class Weights(Struct, frozen=True):
    """Of the two ways; both 0 or more, and 1 together."""

    keyword: float = HALF
    semantic: float = HALF

    def __post_init__(self) -> None:
        if min(self.keyword, self.semantic) < 0 or abs(self.keyword + self.semantic - HALVES) > TOLERANCE:
            raise ValueError("weights are 0 or more, and 1 together")


EVEN = Weights()


class Ranked(Struct, frozen=True):
    """One article of a context; all three from 0 to 1 but for a keyword score, which has a scale of its own."""

    article_id: UUID
    relevance: float
    recency: float
    combined: float


class Packed(Struct, frozen=True):
    """``cut``: only the beginning of the text fits. ``tokens`` is what the rest of it takes."""

    place: int
    text: str
    tokens: int
    cut: bool


def combine(keyword: Found, semantic: Found, weights: Weights = EVEN) -> dict[UUID, float]:
    """Each list on a scale of its own, from its least to its best; what only one has counts nothing for the other. The
    best first; the same score, in the order in which they came."""
    one, other = _normalised(keyword), _normalised(semantic)
    merged = dict.fromkeys((*one, *other))
    scores = {
        id_: weights.keyword * one.get(id_, 0.0) + weights.semantic * other.get(id_, 0.0) for id_ in merged
    }  # fmt: skip
    return dict(sorted(scores.items(), key=lambda each: -each[1]))


def freshen(
    relevance: Found, updated: Mapping[UUID, datetime], now: datetime, weight: float
) -> Sequence[Ranked]:  # fmt: skip
    """``weight`` of recency is moved into 0 to 1. The best first."""
    share = min(max(weight, 0.0), 1.0)
    ranked = []
    for id_, score in relevance.items():
        days = max((now - updated[id_]).total_seconds(), 0) / DAY
        recency = math.exp(-days / FRESH_DAYS)
        combined = (1 - share) * score + share * recency
        ranked.append(Ranked(id_, round(score, PLACES), round(recency, PLACES), round(combined, PLACES)))
    return sorted(ranked, key=lambda each: -each.combined)


def tokens_of(text: str) -> int:
    return -(-len(text.encode()) // TOKEN_BYTES)


def pack(texts: Sequence[str], most: int | None) -> Sequence[Packed]:
    """As many of the texts as fit into so many tokens, in their order; the first that does not fit is cut at the end of
    a paragraph, or of a line, if something useful is left of it."""
    packed: list[Packed] = []
    left = most
    for place, text in enumerate(texts):
        tokens = tokens_of(text)
        if left is None or tokens <= left:
            packed.append(Packed(place, text, tokens, cut=False))
            left = None if left is None else left - tokens
            continue
        if left >= LEAST_SHOWN:
            beginning = _beginning(text, left * TOKEN_BYTES)
            packed.append(Packed(place, beginning, tokens_of(beginning), cut=True))
        break
    return packed


def _beginning(text: str, most_bytes: int) -> str:
    """The last whole paragraph in the second half; else line; else letter."""
    head = text.encode()[:most_bytes].decode(errors="ignore")
    for end in ("\n\n", "\n", " "):
        place = head.rfind(end)
        if place > len(head) // 2:
            return head[:place]
    return head


def _normalised(found: Found) -> dict[UUID, float]:
    if not found:
        return {}
    least, best = min(found.values()), max(found.values())
    if best == least:
        return dict.fromkeys(found, 1.0)
    return {id_: (score - least) / (best - least) for id_, score in found.items()}
