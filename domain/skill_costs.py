"""What the versions of a skill cost, and whether one costs far more than the one before (spec 02, section 7.7)."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct


class Rule(Struct, frozen=True):
    """What a regression is: more than ``factor`` times what the version before costs, over so many invocations; fewer
    are no sample."""

    factor: float = 2.0
    least_invocations: int = 3


RULE = Rule()


class VersionFigures(Struct, frozen=True, kw_only=True):
    """Sums over the reports of a version, with their corrections. An invocation without a known cost is none of the
    priced ones: what is not known is not zero."""

    version: int
    invocations: int
    priced: int
    cost_millicents: int
    tokens: int
    verified: int
    rejected: int
    """Stories that are now."""


class VersionCost(Struct, frozen=True, kw_only=True):
    """``*_change_pct`` is against the nearest version below that has reports; None where there is none to compare
    with."""

    figures: VersionFigures
    average_cost: int | None
    average_tokens: int | None
    cost_change_pct: int | None
    token_change_pct: int | None
    cost_regression: bool
    token_regression: bool

    @property
    def regressed(self) -> bool:
        return self.cost_regression or self.token_regression


class _Average(Struct, frozen=True):
    total: int
    count: int


def costs_of_versions(versions: Sequence[VersionFigures], rule: Rule = RULE) -> list[VersionCost]:
    """``versions`` by their numbers."""
    found: list[VersionCost] = []
    before: VersionFigures | None = None
    for each in versions:
        found.append(_cost(each, before, rule))
        before = each
    return found


def verification_rate(figures: VersionFigures) -> int | None:
    judged = figures.verified + figures.rejected
    return None if not judged else _rounded(figures.verified * 100, judged)


def _cost(now: VersionFigures, before: VersionFigures | None, rule: Rule) -> VersionCost:
    cost, tokens = _Average(now.cost_millicents, now.priced), _Average(now.tokens, now.invocations)
    cost_before = _Average(before.cost_millicents, before.priced) if before else None
    tokens_before = _Average(before.tokens, before.invocations) if before else None
    return VersionCost(
        figures=now, average_cost=_mean(cost), average_tokens=_mean(tokens),
        cost_change_pct=_change(cost, cost_before), token_change_pct=_change(tokens, tokens_before),
        cost_regression=_regressed(cost, cost_before, rule),
        token_regression=_regressed(tokens, tokens_before, rule),
    )  # fmt: skip


def _mean(average: _Average) -> int | None:
    return _rounded(average.total, average.count) if average.count else None


def _change(now: _Average, before: _Average | None) -> int | None:
    if before is None or not now.count or not before.count or before.total <= 0:
        return None
    return _rounded((now.total * before.count - before.total * now.count) * 100, before.total * now.count)


def _regressed(now: _Average, before: _Average | None, rule: Rule) -> bool:
    """By the averages as they are, not as they are rounded."""
    if before is None or now.count < rule.least_invocations or not before.count or before.total <= 0:
        return False
    return now.total * before.count > Decimal(str(rule.factor)) * before.total * now.count


def _rounded(numerator: int, denominator: int) -> int:
    """Halves away from zero."""
    return int((Decimal(numerator) / Decimal(denominator)).quantize(Decimal(1), ROUND_HALF_UP))
