"""A story's row says verified only where an event of that story says so, whoever writes the row."""

from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.api.logs import Service
from tests.api.team import Work, work
from tests.support.database import TestDatabase, session

if TYPE_CHECKING:
    from tests.support.database import Connection

BY_HAND = "UPDATE app.story SET verified_status = 'verified', verified_position = $2 WHERE story_id = $1"
BACK = "UPDATE app.story SET verified_status = 'unverified', verified_position = NULL WHERE story_id = $1"
COPIED = """
    INSERT INTO app.story
    SELECT (json_populate_record(s, json_build_object('story_id', gen_random_uuid(), 'number', '9.9'))).*
      FROM app.story AS s
     WHERE s.story_id = $1
"""
PLACE = "SELECT verified_position FROM app.story WHERE story_id = $1"


@pytest.fixture
async def loop(served: Service) -> Work:
    """Story 1.1 is verified, 1.2 is not."""
    made = await work(served, "1.1", "1.2")
    await made.works(made.team.implementer, "1.1")
    await made.reviews(made.team.reviewer, "1.1")
    await made.verifies("1.1")
    assert await made.status("1.1") == ("reported_done", "verified")
    return made


async def tampered(connection: "Connection", statement: str, *values: object) -> bool:
    """Whether the statement goes through; undone in any case."""
    change = connection.transaction()
    await change.start()
    try:
        await connection.execute(statement, *values)
    except asyncpg.IntegrityConstraintViolationError:
        return False
    finally:
        await change.rollback()
    return True


async def test_no_row_says_verified_without_an_event_that_verified_that_story(
    log_of_module: TestDatabase, loop: Work
) -> None:
    """Not even of whom row security does not bind. Went red while any number would do as the event's place."""
    done, open_ = loop.stories["1.1"], loop.stories["1.2"]
    async with session(log_of_module.admin_url) as connection:
        place = await connection.fetchval(PLACE, done)
        assert not await tampered(connection, BY_HAND, open_, place)
        assert not await tampered(connection, BY_HAND, open_, 10**9)
        for earlier in range(place):
            assert not await tampered(connection, BY_HAND, open_, earlier)
            assert not await tampered(connection, BY_HAND, done, earlier)
        assert not await tampered(connection, COPIED, done)


async def test_the_event_that_verified_it_will_do(log_of_module: TestDatabase, loop: Work) -> None:
    done = loop.stories["1.1"]
    async with session(log_of_module.admin_url) as connection:
        place = await connection.fetchval(PLACE, done)
        async with connection.transaction():
            await connection.execute(BACK, done)
            await connection.execute(BY_HAND, done, place)
            assert await connection.fetchval(PLACE, done) == place
