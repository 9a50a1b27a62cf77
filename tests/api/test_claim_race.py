"""A slice of `make soak ARGS=races`: two agents, two writers, one database, one winner (06, B4 and T10)."""

import pytest

from bench.races import DoubleWin, race
from tests.support.database import TestDatabase


async def test_of_two_agents_after_the_same_story_one_wins(database: TestDatabase) -> None:
    report = await race(database, 300)
    assert report.wins["ann"] + report.wins["ben"] == 300


async def test_a_claim_decided_on_what_was_read_before_has_two_winners(database: TestDatabase) -> None:
    """The control."""
    with pytest.raises(DoubleWin):
        await race(database, 64, read_then_write=True)
