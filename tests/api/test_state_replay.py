"""A slice of `make soak ARGS=state_replay`: what a log comes to elsewhere, and one altered row in each read model."""

import pytest

from bench.state_replay import ALTER, NotNoticed, prove
from tests.support.database import TestDatabase, copied_database


async def test_a_log_of_real_work_comes_to_its_digests_elsewhere_and_each_altered_row_is_named(
    postgres_admin_url: str, database_template: str, database: TestDatabase
) -> None:
    async with copied_database(postgres_admin_url, database_template) as elsewhere:
        outcome = await prove(database, elsewhere, 200)
    assert (outcome.digests, outcome.altered) == (1, len(ALTER))
    assert outcome.events > 200


async def test_a_row_that_nobody_altered_is_not_named(
    postgres_admin_url: str, database_template: str, database: TestDatabase
) -> None:
    """The control."""
    nothing = {"app.story": "SELECT story_id::text FROM app.story WHERE {}"}
    async with copied_database(postgres_admin_url, database_template) as elsewhere:
        with pytest.raises(NotNoticed):
            await prove(database, elsewhere, 50, nothing)
