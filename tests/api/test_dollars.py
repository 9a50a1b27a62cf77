"""Millicents as dollars (spec 02, section 1.6, appendix B.1)."""

import pytest

from api.costs.schemas import dollars


@pytest.mark.parametrize(
    ("millicents", "text"),
    [
        (None, "0.00"), (0, "0.00"), (50, "0.00"), (155, "0.00"), (499, "0.00"), (500, "0.01"), (2_500, "0.03"),
        (5_000, "0.05"), (100_000, "1.00"), (187_500, "1.88"), (250_000, "2.50"), (1_000_000, "10.00"),
        (-2_500, "-0.03"), (-250, "0.00"),
    ],
)  # fmt: skip
def test_half_a_cent_goes_up_and_nothing_is_less_than_nothing_by_less(millicents: int | None, text: str) -> None:
    assert dollars(millicents) == text
