"""No span of a minute holds more requests than the limit, whoever lets them through; seen by a perfect clock."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from math import ceil
from uuid import uuid4

import pytest

from api.http.rate_limits.script import EPOCH, EXACT_UP_TO, GOOD_SECONDS, PREFIX, SCRIPT
from api.http.rate_limits.verdict import LONGEST_WAIT_SECONDS, PERIOD_SECONDS, TENANT_FACTOR, RateCheck
from tests.api.limited_world import World, hurried_course, random_course
from tests.api.limiters import client

DATABASE = 9
BUSY = EXACT_UP_TO + 1
"""A limit whose keys get blocks."""


@pytest.fixture
async def new_world(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., World]]:
    """On an empty Redis. What it takes in real time counts for nothing."""
    monkeypatch.setattr("api.http.rate_limits.shared.TIMEOUT_SECONDS", 30.0)
    url, worlds = f"{redis_url}?db={DATABASE}", list[World]()
    async with client(url, seconds=30.0) as redis:
        await redis.flushdb()

        def made(script: str = SCRIPT, seed: int = 0) -> World:
            worlds.append(World(redis, url, script, seed))
            return worlds[-1]

        yield made
        for counts in (each for world in worlds for each in world.opened):
            await counts.__aexit__()


def kept(world: World, keys: Sequence[RateCheck]) -> bool:
    limit = keys[0].limit
    return (
        all(world.most_in_a_period("key", each.key) <= limit for each in keys)
        and world.most_in_a_period("tenant", keys[0].tenant) <= limit * TENANT_FACTOR
    )


@pytest.mark.parametrize("limit", [1, 7, 60, 300, 1000])
@pytest.mark.parametrize("processes", [1, 3])
async def test_no_minute_holds_more_than_the_limit(new_world: Callable[..., World], limit: int, processes: int) -> None:
    world = new_world(seed=limit * processes)
    world.delay = 0.11
    limiters = [world.process() for _ in range(processes)]
    assert kept(world, await random_course(world, limiters, limit, steps=60))
    assert any(verdict.wait > 0 for verdict in world.verdicts)
    assert not any(verdict.local for verdict in world.verdicts)


async def test_a_minute_that_is_too_short_is_found(new_world: Callable[..., World]) -> None:
    """The negative control."""
    right = "TENANT = 60000000"
    assert SCRIPT.count(right) == 1
    world = new_world(SCRIPT.replace(right, "TENANT = 58000000"))
    assert not kept(world, await random_course(world, [world.process() for _ in range(3)], 60, steps=60))


async def test_no_minute_holds_more_while_processes_have_blocks(new_world: Callable[..., World]) -> None:
    world = new_world(seed=1)
    assert kept(world, await hurried_course(world, [world.process() for _ in range(3)], BUSY, rounds=8))
    assert not any(verdict.local for verdict in world.verdicts)


async def test_what_is_not_used_of_a_block_passes_elsewhere(new_world: Callable[..., World]) -> None:
    world = new_world()
    busy, other, asked = world.process(), world.process(), RateCheck(uuid4(), uuid4(), BUSY)
    for _ in range(60):
        await world.ask(busy, asked)
        await world.pass_time(0.004)
    assert world.trips < 60
    verdicts = await world.ask(other, asked, BUSY)
    assert sum(verdict.wait == 0 for verdict in verdicts) == BUSY - 60


async def test_a_block_that_is_counted_from_its_beginning_is_found(new_world: Callable[..., World]) -> None:
    """The negative control: what is used at its end would count no more before a minute is over."""
    right = "granted + more, now + GOOD"
    assert SCRIPT.count(right) == 1
    world = new_world(SCRIPT.replace(right, "granted + more, now"))
    assert not kept(world, await late_course(world))


async def test_what_is_used_at_the_end_of_a_block_counts_for_a_minute(new_world: Callable[..., World]) -> None:
    world = new_world()
    assert kept(world, await late_course(world))


async def late_course(world: World) -> list[RateCheck]:
    """A block is used up at its very end, everything else is, and all is asked for again when the block is a minute
    old."""
    busy, other, asked = world.process(), world.process(), RateCheck(uuid4(), uuid4(), BUSY)
    for _ in range(70):
        await world.ask(busy, asked)
        await world.pass_time(0.004)
    trips = world.trips
    while world.trips == trips:
        await world.ask(busy, asked)
    block = world.now
    await world.pass_time(GOOD_SECONDS - 0.02)
    await world.ask(busy, asked, 20)
    await world.ask(other, asked, BUSY)
    await world.pass_time(block + PERIOD_SECONDS + 0.02 - world.now)
    await world.ask(other, asked, BUSY)
    return [asked]


@pytest.mark.parametrize("limit", [7, 300])
async def test_answers_that_are_lost_let_nobody_through_twice(new_world: Callable[..., World], limit: int) -> None:
    """What they granted is not used; what is judged here meanwhile is this process's part, and is counted later."""
    world = new_world(seed=5)
    world.lost = 0.15
    assert kept(world, await random_course(world, [world.process(1)], limit, steps=60))
    assert any(verdict.local for verdict in world.verdicts)


@pytest.mark.parametrize("step", [-3600.0, -5.0, -0.2, 0.1])
async def test_a_clock_of_redis_that_is_moved_lets_no_more_through(
    new_world: Callable[..., World], step: float
) -> None:
    world = new_world(seed=3)
    limiter, asked = world.process(), RateCheck(uuid4(), uuid4(), 40)
    for _ in range(6):
        await world.ask(limiter, asked, 30)
        world.redis_ahead += step
        await world.pass_time(25)
    assert world.most_in_a_period("key", asked.key) <= 40
    await world.ask(limiter, asked)
    await world.pass_time(LONGEST_WAIT_SECONDS)
    assert [each.wait for each in await world.ask(limiter, asked, 40)] == [0.0] * 40, "and nobody is shut out"


async def lost(world: World) -> None:
    await world.redis.flushdb()


async def an_hour_ahead(world: World) -> None:
    world.redis_ahead += 3600


async def overwritten(world: World) -> None:
    for name in await world.redis.keys(f"{PREFIX}*"):
        if name != EPOCH.encode():
            await world.redis.set(name, "junk")


@pytest.mark.parametrize("fault", [lost, an_hour_ahead, overwritten])
async def test_counts_that_were_lost_are_noticed(
    new_world: Callable[..., World], fault: Callable[[World], Awaitable[None]]
) -> None:
    """One process has had the whole limit; no other can know. This one lets nobody through until a minute is over."""
    world = new_world()
    one, other, asked = world.process(), world.process(), RateCheck(uuid4(), uuid4(), 40)
    await world.ask(one, asked, 40)
    await world.ask(other, RateCheck(uuid4(), asked.tenant, 40))
    await fault(world)
    await world.pass_time(2)
    for _ in range(20):
        await world.ask(one, asked, 10)
        await world.ask(other, asked, 10)
        await world.pass_time(2.5)
    assert 40 <= world.most_in_a_period("key", asked.key) <= 40 + 20
    assert any(verdict.local for verdict in world.verdicts)
    await world.pass_time(2 * LONGEST_WAIT_SECONDS)
    assert [(each.wait, each.local) for each in await world.ask(one, asked, 40)] == [(0.0, False)] * 40


@pytest.mark.parametrize(
    "junk",
    [
        lambda _: None,
        lambda _: b"OK",
        lambda reply: reply[:-1],
        lambda reply: [*reply, 1],
        lambda reply: [*reply[:2], None, *reply[3:]],
        lambda reply: [*reply[:2], float("nan"), *reply[3:]],
        lambda reply: [*reply[:2], float("inf"), *reply[3:]],
        lambda reply: [*reply[:2], True, *reply[3:]],
        lambda reply: [*reply[:2], reply[2] + 1000, *reply[3:]],
        lambda reply: [*reply[:2], 0, 1, *reply[4:]],
        lambda reply: [*reply[:2], 0, 0, 0, *reply[5:]],
        lambda reply: [*reply[:3], 10**9, *reply[4:]],
        lambda reply: [*reply[:4], 3_600_000_000, *reply[5:]],
        lambda reply: [*reply[:5], -1, *reply[6:]],
        lambda reply: [b"1" for _ in reply],
    ],
)
async def test_junk_is_no_verdict(new_world: Callable[..., World], junk: Callable[[list[int]], object]) -> None:
    world = new_world()
    limiter, asked = world.process(1), RateCheck(uuid4(), uuid4(), 20)
    world.junk = junk
    for _ in range(40):
        await world.ask(limiter, asked)
    assert len(world.passed["key", asked.key]) == 20
    assert all(verdict.local for verdict in world.verdicts)
    world.junk = None
    await world.pass_time(6)
    again = await world.ask(limiter, asked)
    assert [(each.wait > 0, each.local) for each in again] == [(True, False)], "what passed meanwhile counts"


@pytest.mark.parametrize("limit", [1, 60, 300, 1000])
@pytest.mark.parametrize("pause", [0.0, 0.003, 0.05])
async def test_a_key_gets_its_whole_limit_whichever_process_answers(
    new_world: Callable[..., World], limit: int, pause: float
) -> None:
    world = new_world(seed=limit)
    limiters, asked = [world.process(), world.process()], RateCheck(uuid4(), uuid4(), limit)
    for _ in range(min(limit, int(55 / pause) if pause else limit)):
        verdict = (await world.ask(world.dice.choice(limiters), asked))[0]
        assert verdict.wait == 0
        await world.pass_time(pause)
    if len(world.passed["key", asked.key]) == limit:
        await world.pass_time(0.5)
        assert (await world.ask(limiters[0], asked))[0].wait > 0


async def test_what_a_refused_client_hears_is_true(new_world: Callable[..., World]) -> None:
    """In neither process anything passes before that time, and in both something does from then on."""
    world = new_world()
    limiters, asked = [world.process(), world.process()], RateCheck(uuid4(), uuid4(), 50)
    for number in range(50):
        last = (await world.ask(limiters[number % 2], asked))[0]
        await world.pass_time(0.7)
    assert last.remaining == 0
    refused = (await world.ask(limiters[0], asked))[0]
    assert (refused.remaining, refused.local) == (0, False)
    assert abs(refused.reset - world.now - refused.wait) < 0.01
    assert abs(refused.reset - last.reset) < 0.01
    await world.pass_time(refused.wait - 0.01)
    early = [(await world.ask(limiter, asked))[0] for limiter in limiters]
    assert all(verdict.wait > 0 for verdict in early)
    await world.pass_time(0.011)
    assert [verdict.wait > 0 for verdict in await world.ask(limiters[1], asked, 2)] == [False, True]
    assert ceil(refused.wait) <= PERIOD_SECONDS


async def test_one_and_a_half_times_the_limit_in_half_a_minute_is_too_much(new_world: Callable[..., World]) -> None:
    world = new_world()
    limiter, asked = world.process(), RateCheck(uuid4(), uuid4(), 60)
    for _ in range(90):
        await world.ask(limiter, asked)
        await world.pass_time(30 / 90)
    assert len(world.passed["key", asked.key]) == 60


async def test_a_busy_key_seldom_asks_redis_and_returns_what_it_does_not_use(new_world: Callable[..., World]) -> None:
    world = new_world()
    limiter, asked = world.process(), RateCheck(uuid4(), uuid4(), 100_000)
    for _ in range(2000):
        assert (await world.ask(limiter, asked))[0].wait == 0
        await world.pass_time(0.001)
    assert world.trips < 100
    await world.pass_time(1)
    alone = (await world.ask(world.process(), asked))[0]
    assert alone.remaining == 100_000 - 2001


async def test_a_slow_key_is_counted_one_by_one(new_world: Callable[..., World]) -> None:
    world = new_world()
    limiters, asked = [world.process(), world.process()], RateCheck(uuid4(), uuid4(), 300)
    found = []
    for number in range(20):
        found += await world.ask(limiters[number % 2], asked)
        await world.pass_time(0.2)
    assert [each.remaining for each in found] == list(range(299, 279, -1))
    assert world.trips == 20
