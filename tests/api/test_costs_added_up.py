"""A slice of `make soak ARGS=cost_sums`: every total is what the reports of the log come to, live and rebuilt."""

import pytest

from bench import cost_sums
from bench.cost_sums import Differs, add_up
from tests.support.database import TestDatabase


async def test_every_total_is_the_sum_of_the_reports_in_the_log(database: TestDatabase) -> None:
    assert await add_up(database, 60, seed=7) > 20


async def test_a_sum_that_forgets_what_was_deleted_is_seen(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: by hand, deletions are not looked at."""
    monkeypatch.setattr(cost_sums, "TokenUsageDeleted", type("Nothing", (), {}))
    with pytest.raises(Differs):
        await add_up(database, 30, seed=7)
