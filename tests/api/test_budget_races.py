"""A slice of `make soak ARGS=budget_races`: 64 reports at once against a budget with room for ten."""

import pytest

from bench.budget_races import ROOM, Squeezed, race
from tests.support.database import TestDatabase


async def test_as_many_reports_as_there_is_room_for_are_accepted(database: TestDatabase) -> None:
    outcome = await race(database, 2)
    assert outcome.answers[200] == 2 * ROOM


async def test_what_is_decided_on_what_was_read_before_lets_more_through(database: TestDatabase) -> None:
    """The control."""
    with pytest.raises(Squeezed):
        await race(database, 1, read_then_write=True)
