"""Averages of the versions of a skill, and which of them cost far more than the one before (spec 02, appendix B.6)."""

import pytest

from domain.skill_costs import VersionCost, VersionFigures, costs_of_versions, verification_rate


def version(
    number: int, invocations: int, each: int, *, priced: int | None = None, tokens: int = 100
) -> VersionFigures:
    """``each`` is what an invocation costs."""
    known = invocations if priced is None else priced
    return VersionFigures(
        version=number, invocations=invocations, priced=known, cost_millicents=known * each,
        tokens=invocations * tokens, verified=0, rejected=0,
    )  # fmt: skip


def told(*versions: VersionFigures) -> VersionCost:
    """Of the last."""
    return costs_of_versions(versions)[-1]


@pytest.mark.parametrize(
    ("invocations", "each", "change", "regression"),
    [(3, 1500, 50, False), (3, 3000, 200, True), (2, 3000, 200, False), (3, 2000, 100, False), (3, 2001, 100, True)],
)
def test_a_regression_is_more_than_twice_as_much_over_three_or_more(
    invocations: int, each: int, change: int, regression: bool
) -> None:
    found = told(version(1, 3, 1000), version(2, invocations, each))
    assert (found.cost_change_pct, found.cost_regression, found.token_regression) == (change, regression, False)


def test_the_same_holds_for_tokens() -> None:
    found = told(version(1, 3, 1000), version(2, 3, 1000, tokens=201))
    assert (found.token_change_pct, found.token_regression, found.cost_regression) == (101, True, False)


def test_the_first_version_and_one_after_nothing_have_nothing_to_be_compared_with() -> None:
    first, second = costs_of_versions([version(1, 3, 0), version(4, 3, 9000)])
    assert (first.cost_change_pct, first.cost_regression) == (None, False)
    assert (second.cost_change_pct, second.cost_regression, second.token_change_pct) == (None, False, 0)


def test_what_has_no_known_cost_is_no_zero() -> None:
    """Went red when all invocations were divided by."""
    found = told(version(1, 4, 1000), version(2, 4, 1000, priced=2))
    assert (found.average_cost, found.cost_change_pct) == (1000, 0)
    assert told(version(1, 2, 1000, priced=0)).average_cost is None


@pytest.mark.parametrize(("cost", "average"), [(1, 1), (5, 3), (-5, -3), (-1, -1)])
def test_halves_are_rounded_away_from_zero(cost: int, average: int) -> None:
    figures = VersionFigures(version=1, invocations=2, priced=2, cost_millicents=cost, tokens=0, verified=0, rejected=0)
    assert told(figures).average_cost == average


@pytest.mark.parametrize(("verified", "rejected", "rate"), [(0, 0, None), (1, 0, 100), (1, 1, 50), (1, 2, 33)])
def test_a_rate_is_of_what_was_judged(verified: int, rejected: int, rate: int | None) -> None:
    figures = VersionFigures(
        version=1, invocations=1, priced=1, cost_millicents=0, tokens=0, verified=verified, rejected=rejected
    )
    assert verification_rate(figures) == rate
