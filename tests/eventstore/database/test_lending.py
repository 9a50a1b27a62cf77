"""The pool: bounded, opened when needed, first come first served, whole again after whatever happened to a loan."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest

from eventstore.database import pool as pool_module
from eventstore.database.pool import Connection, Pool
from tests.support.database import TestDatabase, session

PLACES = 3


class Opening:
    """Opens real connections, and fails when told to."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.opened = 0
        self.refusing = False

    async def __call__(self) -> Connection:
        if self.refusing:
            await asyncio.sleep(0)
            raise ConnectionRefusedError
        self.opened += 1
        opened: Connection = await asyncpg.connect(self.url, connection_class=Connection)
        return opened


@pytest.fixture
def opening(sample: TestDatabase) -> Opening:
    return Opening(sample.app_url)


@pytest.fixture
async def pool(opening: Opening) -> AsyncIterator[Pool]:
    made = Pool(opening, PLACES)
    yield made
    made.terminate()


async def taken(pool: Pool, count: int = PLACES) -> list[Connection]:
    return [await pool.take() for _ in range(count)]


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_connections_are_opened_when_they_are_needed_and_used_again(pool: Pool, opening: Opening) -> None:
    assert pool.take_free() is None
    for _ in range(5):
        pool.give_back(await pool.take())
    assert (opening.opened, pool.connections) == (1, (1, 0))
    lent = await taken(pool)
    assert (opening.opened, pool.connections, pool.all_lent) == (PLACES, (PLACES, PLACES), True)
    for connection in lent:
        pool.give_back(connection)
    assert (pool.connections, pool.all_lent) == ((PLACES, 0), False)


async def test_who_waits_is_served_in_order(pool: Pool) -> None:
    lent, served = await taken(pool), list[int]()

    async def use(number: int) -> None:
        connection = await pool.take()
        served.append(number)
        await asyncio.sleep(0)
        pool.give_back(connection)

    users = [asyncio.ensure_future(use(number)) for number in range(20)]
    await settled()
    assert served == []
    pool.give_back(lent.pop())
    assert pool.take_free() is None, "it belongs to the first who waits, not to whoever asks in this moment"
    await asyncio.gather(*users)
    assert served == list(range(20))


async def test_a_place_in_the_queue_that_is_given_up_is_passed_on(pool: Pool) -> None:
    """Before its turn, and in the very moment of it."""
    lent = await taken(pool)
    first, second, third = (asyncio.ensure_future(pool.take()) for _ in range(3))
    await settled()
    first.cancel()
    await settled()
    pool.give_back(lent[0])
    second.cancel()
    assert await third is lent[0]
    pool.give_back(lent[0])
    assert pool.take_free() is lent[0]


@pytest.mark.parametrize("how", ["terminated", "inside a transaction", "outdated", "worn"])
async def test_what_cannot_be_used_again_is_replaced(
    pool: Pool, opening: Opening, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent = await taken(pool)
    waiting = asyncio.ensure_future(pool.take())
    await settled()
    if how == "terminated":
        lent[0].terminate()
    elif how == "inside a transaction":
        await lent[0].execute("BEGIN")
    elif how == "outdated":
        pool.renew()
    else:
        monkeypatch.setattr(pool_module, "MOST_LOANS", 1)
    pool.give_back(lent[0])
    fresh = await waiting
    assert fresh not in lent
    assert await fresh.fetchval("SELECT 1") == 1
    assert (lent[0].is_closed(), opening.opened, pool.connections) == (True, PLACES + 1, (PLACES, PLACES))


async def test_a_server_that_ended_every_session_is_connected_to_again(
    pool: Pool, opening: Opening, sample: TestDatabase
) -> None:
    for connection in await taken(pool):
        pool.give_back(connection)
    async with session(sample.admin_url) as admin:
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'loopctl_app'")
    await asyncio.sleep(0.1)
    assert pool.connections == (0, 0)
    fresh = await taken(pool)
    assert [await connection.fetchval("SELECT 1") for connection in fresh] == [1] * PLACES
    assert opening.opened == 2 * PLACES


async def test_a_place_is_free_again_when_no_connection_could_be_opened_in_it(pool: Pool, opening: Opening) -> None:
    opening.refusing = True
    outcomes = await asyncio.gather(*(pool.take() for _ in range(2 * PLACES)), return_exceptions=True)
    assert [type(each) for each in outcomes] == [ConnectionRefusedError] * 2 * PLACES
    opening.refusing = False
    assert len(await taken(pool)) == PLACES


async def test_what_nobody_needed_for_long_is_closed(
    pool: Pool, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "LOOKING_SECONDS", 0.05)
    monkeypatch.setattr(pool_module, "IDLE_SECONDS", 0.15)
    for connection in await taken(pool):
        pool.give_back(connection)
    async with asyncio.timeout(10):
        while pool.connections != (1, 0):
            pool.give_back(await pool.take())  # this one is in use
            await asyncio.sleep(0.01)
        while pool.connections != (0, 0):
            await asyncio.sleep(0.01)
    assert opening.opened == PLACES, "none was opened in place of one that was closed"


async def test_closing_waits_for_loans_and_for_the_queue(pool: Pool) -> None:
    lent = await taken(pool)
    waiting = asyncio.ensure_future(pool.take())
    await settled()
    closing = asyncio.ensure_future(pool.close())
    await settled()
    with pytest.raises(asyncpg.InterfaceError):
        await pool.take()
    for connection in lent:
        pool.give_back(connection)
    await settled()
    assert not closing.done()
    last = await waiting
    assert await last.fetchval("SELECT 1") == 1
    pool.give_back(last)
    await closing
    assert all(connection.is_closed() for connection in lent)


async def test_closing_by_force_ends_loans_and_the_queue(pool: Pool) -> None:
    lent = await taken(pool)
    waiting = asyncio.ensure_future(pool.take())
    await settled()
    with suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await pool.close()
    with pytest.raises(asyncpg.InterfaceError):
        await waiting
    assert all(connection.is_closed() for connection in lent)
    pool.give_back(lent[0])
    assert (pool.connections, pool.take_free()) == ((0, 0), None)


async def test_a_connection_that_is_being_opened_when_the_pool_is_closed_by_force_is_closed(
    pool: Pool, opening: Opening, sample: TestDatabase
) -> None:
    late = asyncio.ensure_future(pool.take())
    await settled()
    pool.terminate()
    with pytest.raises(asyncpg.InterfaceError):
        await late
    assert (opening.opened, pool.connections) == (1, (0, 0))


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_course_every_place_can_be_used_at_the_same_time(
    pool: Pool, opening: Opening, seed: int
) -> None:
    """Users come and are cancelled at any moment, connections die, opening fails, what is prepared gets outdated."""
    dice = random.Random(seed)
    using, most = 0, 0

    async def use() -> None:
        nonlocal using, most
        connection = await pool.take()
        using += 1
        most = max(most, using)
        try:
            await asyncio.sleep(dice.random() / 500)
            if dice.random() < 0.1:
                connection.terminate()
        finally:
            using -= 1
            pool.give_back(connection)

    users = list[asyncio.Task[None]]()
    for _ in range(400):
        opening.refusing = dice.random() < 0.05
        users.append(asyncio.create_task(use()))
        if dice.random() < 0.3:
            dice.choice(users).cancel()
        if dice.random() < 0.02:
            pool.renew()
        await asyncio.sleep(dice.random() / 1000)
    await asyncio.gather(*users, return_exceptions=True)
    opening.refusing = False
    assert most <= PLACES
    assert pool.connections[1] == 0
    async with asyncio.timeout(10):
        assert len(await taken(pool)) == PLACES


async def test_a_connection_that_is_not_given_back_is_missed(pool: Pool) -> None:
    """The negative control of the one above."""
    await pool.take()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await taken(pool)
