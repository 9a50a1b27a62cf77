"""Counts that were lost and clocks that were moved are told from a slow machine."""

import random

import pytest

from api.http.rate_limits.script import CLOCK_STEP_SECONDS, Answer, Trust
from api.http.rate_limits.verdict import LONGEST_WAIT_SECONDS


def answer(now: float, epoch: int = 1) -> Answer:
    return Answer(now, epoch, ())


def test_however_slow_the_way_is_a_clock_that_goes_right_is_trusted() -> None:
    dice, trust, now = random.Random(6), Trust(), 1000.0
    for _ in range(20_000):
        there, back = dice.random() ** 3 / 8, dice.random() ** 3 / 8
        assert trust.deserved(answer(5e8 + now + there), now, now + there + back)
        now += there + back + dice.random() ** 5 * 90


@pytest.mark.parametrize("step", [0.5, 60.0, 3600.0])
def test_a_clock_that_was_moved_ahead_is_found_once(step: float) -> None:
    trust = Trust()
    assert trust.deserved(answer(100.0), 0.0, 0.24)
    assert not trust.deserved(answer(101.0 + step + 0.12), 1.0, 1.24)
    assert trust.deserved(answer(102.0 + step), 2.0, 2.24)


def test_steps_that_are_each_too_small_are_found_together() -> None:
    trust = Trust()
    found = [
        trust.deserved(answer(100.0 + number * (1 + CLOCK_STEP_SECONDS / 2)), number, number) for number in range(6)
    ]
    assert found == [True, True, True, False, True, True]


def test_another_epoch_is_a_loss_unless_nothing_counts_any_more() -> None:
    trust = Trust()
    assert trust.deserved(answer(100.0, 1), 0.0, 0.0)
    assert not trust.deserved(answer(101.0, 2), 1.0, 1.0)
    later = 1.0 + LONGEST_WAIT_SECONDS + 1
    assert trust.deserved(answer(100.0 + later, 3), later, later)


def test_a_clock_that_was_moved_back_is_trusted() -> None:
    trust = Trust()
    assert trust.deserved(answer(4000.0), 0.0, 0.0)
    assert trust.deserved(answer(401.0), 1.0, 1.0)
    assert not trust.deserved(answer(4002.0), 2.0, 2.0)
