"""Slices of `make soak ARGS=capability_races`, `capability_flips` and `touches`: used once, and no bit may change."""

import pytest

from bench import touches
from bench.capability_flips import run, unsigned
from bench.capability_races import race
from bench.races import DoubleWin
from tests.support.database import TestDatabase


async def test_of_sixty_four_uses_at_once_one_succeeds(database: TestDatabase) -> None:
    report = await race(database, 10)
    assert report.refused == {"consumed_nonce": 10 * 63}


async def test_the_row_alone_keeps_a_capability_from_being_used_twice(database: TestDatabase) -> None:
    report = await race(database, 3, guard="the row alone")
    assert report.refused == {"the row": 3 * 63}


async def test_a_use_decided_on_what_was_read_before_counts_again(database: TestDatabase) -> None:
    """The control."""
    with pytest.raises(DoubleWin):
        await race(database, 3, guard="none")


def test_no_changed_bit_of_a_token_is_accepted() -> None:
    report = run(3000, seed=4)
    assert report.accepted == 0
    assert report.unreadable < report.flips / 2


def test_without_the_signature_changed_tokens_are_accepted() -> None:
    """The control."""
    assert run(300, 4, unsigned).accepted > 0


@pytest.mark.slow
async def test_of_wrong_touches_none_is_taken_and_of_right_ones_none_refused(database: TestDatabase) -> None:
    report = await touches.campaign(database, rounds=1, bits=50, seed=5)
    assert (report.bad, report.accepted, report.good, report.refused) == (40, 0, 40, 0)
    assert (report.bits, report.accepted_bits) == (50, 0)


@pytest.mark.slow
async def test_without_a_look_at_what_was_signed_wrong_touches_are_taken(database: TestDatabase) -> None:
    """The control."""
    with touches.unchecked():
        report = await touches.campaign(database, rounds=1, bits=5, seed=5)
    assert report.accepted > 0
    assert report.accepted_bits > 0
