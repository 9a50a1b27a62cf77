"""Whatever stands in Redis, or comes from it: each request is answered soon, by what is known here if need be."""

import asyncio
import gc
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from redis.asyncio import Redis

from api.http.rate_limits.script import EPOCH, MICROSECONDS, SCRIPT, names
from api.http.rate_limits.verdict import LONGEST_WAIT_SECONDS, RateCheck, Verdict
from tests.api.limited_world import START, World
from tests.api.limiters import client

DATABASE = 11
LIMIT = 20
SOON_SECONDS = 10
"""Of real time, on a machine that is busy with other things."""
HOUR = 3600 * MICROSECONDS
NOW = round(START * MICROSECONDS)

NUMBERS: Sequence[str] = (
    "inf", "-inf", "nan", "1e300", "0x10", "-1", "0", "1", "20", " 7", "7.5", "", "text", "\\x00", "9" * 15, "9" * 16,
    "9" * 400, str(2**53), str(2**63), str(NOW), str(NOW + HOUR), str(NOW - HOUR), str(NOW * 1000), "None", "[]", "é",
)  # fmt: skip
VALUES = st.sampled_from(NUMBERS) | st.integers(NOW - HOUR, NOW + HOUR).map(str) | st.text(max_size=20)
KINDS = st.sampled_from(["string", "list", "hash", "set", "zset", "stream", "bits", "a counter", "ahead", "nothing"])


async def put(redis: Redis, kind: str, name: str, values: Sequence[str]) -> None:
    """Something of this kind in the place of whatever is there."""
    await redis.delete(name)
    raw = [value.encode("utf-8", "replace") for value in values]
    match kind:
        case "string":
            await redis.set(name, raw[0])
        case "list":
            await redis.rpush(name, *raw)
        case "a counter":  # two that are right, and what may stand between them
            await redis.rpush(name, NOW - MICROSECONDS, 1, *raw, NOW, 1, 2)
        case "ahead":
            await redis.rpush(name, NOW + HOUR, 3 * LIMIT, 3 * LIMIT)
        case "hash":
            await redis.hset(name, mapping={each: each for each in raw})
        case "set":
            await redis.sadd(name, *raw)
        case "zset":
            await redis.zadd(name, {each: float("inf") for each in raw})
        case "stream":
            await redis.xadd(name, {"a": raw[0]})
        case "bits":
            await redis.setbit(name, 77, 1)


class AnyJunk(RuleBasedStateMachine):
    url: ClassVar[str] = ""
    script: ClassVar[str] = SCRIPT
    seen: ClassVar[set[Any]] = set()
    """What has come up over all examples."""

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.open = AsyncExitStack()
        self.tenant = uuid4()
        self.keys = [RateCheck(uuid4(), self.tenant, LIMIT) for _ in range(2)]
        self.run(self._start())

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    async def _end(self) -> None:
        await self.open.aclose()
        await asyncio.sleep(0)  # the loop closes what was aborted

    async def _start(self) -> None:
        self.redis = await self.open.enter_async_context(client(self.url, seconds=30.0))
        self.world = World(self.redis, self.url, self.script)
        self.processes = [self.world.process(1) for _ in range(2)]
        for counts in self.world.opened:
            self.open.push_async_exit(counts.__aexit__)

    @rule(
        key=st.integers(0, 1), which=st.integers(0, 3), kind=KINDS, values=st.lists(VALUES, min_size=1, max_size=9),
        process=st.integers(0, 1), count=st.integers(1, 5), seconds=st.sampled_from([0.0, 1.0, 61.0]),
    )  # fmt: skip
    def write_and_ask(  # noqa: PLR0917  # hypothesis names them
        self, key: int, which: int, kind: str, values: list[str], process: int, count: int, seconds: float
    ) -> None:
        asked = self.keys[key]
        name = (*names(asked.key, asked.tenant), EPOCH)[which]
        self.run(put(self.redis, kind, name, values))
        self._ask(process, asked, count)
        self.run(self.world.pass_time(seconds))
        self._ask(1 - process, asked, count)
        self.seen.add((which, kind))

    def _ask(self, process: int, asked: RateCheck, count: int) -> list[Verdict]:
        async def soon() -> list[Verdict]:
            async with asyncio.timeout(SOON_SECONDS):
                return await self.world.ask(self.processes[process], asked, count)

        found: list[Verdict] = self.run(soon())
        for verdict in found:
            assert 0 <= verdict.wait <= LONGEST_WAIT_SECONDS
            assert 0 <= verdict.remaining <= LIMIT
            assert verdict.reset <= self.world.now + LONGEST_WAIT_SECONDS
        return found

    def teardown(self) -> None:
        """When nobody writes junk any more, all is as ever after two minutes: one for the counts that were lost, and
        one for what passed meanwhile."""
        if not hasattr(self, "runner"):
            return
        try:
            for _ in range(3):
                for process in (0, 1):
                    self._ask(process, self.keys[0], 1)
                self.run(self.world.pass_time(LONGEST_WAIT_SECONDS))
            found = self._ask(0, self.keys[0], LIMIT)
            assert [(each.wait, each.local) for each in found] == [(0.0, False)] * LIMIT
        finally:
            self.run(self._end())
            self.runner.close()


def check(url: str, script: str, examples: int) -> set[Any]:
    found = {"url": f"{url}?db={DATABASE}", "script": script, "seen": set()}
    machine: type[AnyJunk] = type("Junk", (AnyJunk,), found)
    given = settings(
        max_examples=examples, stateful_step_count=20, deadline=None, database=None, print_blob=False,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate], report_multiple_bugs=False,
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=given)
    return machine.seen


def test_whatever_stands_in_redis_each_request_is_answered_and_all_is_well_afterwards(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.rate_limits.shared.TIMEOUT_SECONDS", 30.0)
    seen = check(redis_url, SCRIPT, examples=15)
    assert len(seen) > 25, "of four names and ten kinds"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # connections of what broke off
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("local found = redis.pcall(...)", "local found = redis.call(...)"),
        ("if counter.newest > now + 2 * GOOD then", "if false then"),
    ],
)
def test_a_script_that_believes_what_it_reads_is_found(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str
) -> None:
    """The negative controls."""
    monkeypatch.setattr("api.http.rate_limits.shared.TIMEOUT_SECONDS", 30.0)
    assert SCRIPT.count(right) == 1
    with pytest.raises((AssertionError, ExceptionGroup)):
        check(redis_url, SCRIPT.replace(right, wrong), examples=600)  # ends with the first that is found
    gc.collect()  # here, and not in the middle of another test


@pytest.mark.parametrize("which", [0, 1], ids=["a key's counter", "a tenant's counter"])
async def test_a_counter_an_hour_ahead_makes_nobody_wait_for_more_than_a_minute(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    """Went red while such a counter was believed: whoever asked was told to come back in an hour."""
    monkeypatch.setattr("api.http.rate_limits.shared.TIMEOUT_SECONDS", 30.0)
    url, asked = f"{redis_url}?db={DATABASE}", RateCheck(uuid4(), uuid4(), LIMIT)
    async with client(url, seconds=30.0) as redis, AsyncExitStack() as stack:
        world = World(redis, url)
        process = world.process(1)
        stack.push_async_exit(world.opened[0].__aexit__)
        await put(redis, "ahead", names(asked.key, asked.tenant)[which], [])
        told = await world.ask(process, asked, 3)
        assert world.now - START < 1, "nor is it held back for so long"
        assert all(0 <= verdict.wait <= LONGEST_WAIT_SECONDS for verdict in told)
        assert all(verdict.reset <= world.now + LONGEST_WAIT_SECONDS for verdict in told)
        await world.pass_time(2 * LONGEST_WAIT_SECONDS)
        assert [verdict.wait for verdict in await world.ask(process, asked)] == [0.0]
