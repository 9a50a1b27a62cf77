"""Any requests, at any times, through any processes: the limiter says of each what the rule itself says.

The rule is written down once more here, as simply as it can be: of the requests that were let through in the last
minute, fewer than the limit are the key's and fewer than three times the limit the tenant's. Nobody's clock moves but
the test's, and it is compared to the microsecond: who passes, how much is left, and when one more is free.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from msgspec import Struct

from api.http.rate_limits.script import EXACT_UP_TO, MICROSECONDS, SCRIPT
from api.http.rate_limits.shared import SharedLimiter
from api.http.rate_limits.verdict import TENANT_FACTOR, RateCheck, Verdict
from tests.api.limited_world import PERIOD, World
from tests.api.limiters import client

DATABASE = 10
PROCESSES = 3
KEYS = 5
CLOSE = 3e-6
"""Seconds by which sums of floating numbers may differ."""


class Rule(Struct):
    """Times in microseconds; ``passed`` are the tenant's, with their keys."""

    passed: list[tuple[int, UUID]]

    def ask(self, asked: RateCheck, now: int) -> tuple[bool, int, float]:
        """Whether one more passes, how many are left then, and after how many seconds one more than that."""
        self.passed = [each for each in self.passed if each[0] > now - PERIOD]
        passes = all(len(times) < most for times, most in self._counted(asked))
        if passes:
            self.passed.append((now, asked.key))
        counted = self._counted(asked)
        left = min(max(most - len(times), 0) for times, most in counted)
        free = max(
            times[max(len(times) - most, 0)] + PERIOD - now
            for times, most in counted
            if max(most - len(times), 0) == left
        )
        return passes, left, free / MICROSECONDS

    def _counted(self, asked: RateCheck) -> list[tuple[list[int], int]]:
        of_key = [at for at, key in self.passed if key == asked.key]
        return [(of_key, asked.limit), ([at for at, _ in self.passed], asked.limit * TENANT_FACTOR)]


class AnyTraffic(RuleBasedStateMachine):
    url: ClassVar[str] = ""
    script: ClassVar[str] = SCRIPT
    seen: ClassVar[set[str]] = set()
    """What has come up over all examples."""

    @initialize(limit=st.integers(1, 12) | st.sampled_from([60, 300]))
    def begin(self, limit: int) -> None:
        self.runner = asyncio.Runner()
        self.open = AsyncExitStack()
        self.limit, self.rule = limit, Rule([])
        self.tenant, self.keys = uuid4(), [uuid4() for _ in range(KEYS)]
        self.run(self._start())

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    async def _end(self) -> None:
        await self.open.aclose()
        await asyncio.sleep(0)  # the loop closes what was aborted

    async def _start(self) -> None:
        redis = await self.open.enter_async_context(client(self.url, seconds=30.0))
        self.world = World(redis, self.url, self.script)
        self.processes = [self.world.process() for _ in range(PROCESSES)]
        for counts in self.world.opened:
            self.open.push_async_exit(counts.__aexit__)

    @rule(process=st.integers(0, PROCESSES - 1), key=st.integers(0, KEYS - 1), count=st.integers(1, 15))
    def ask(self, process: int, key: int, count: int) -> None:
        """Some at once."""
        self._compare(self.processes[process], self.keys[key], count)

    @rule(process=st.integers(0, PROCESSES - 1), key=st.integers(0, KEYS - 1))
    def ask_for_all(self, process: int, key: int) -> None:
        self._compare(self.processes[process], self.keys[key], self.limit + 1)

    @rule(milliseconds=st.integers(0, 2000) | st.integers(0, 61_000), micro=st.integers(0, 3))
    def pass_time(self, milliseconds: int, micro: int) -> None:
        self.run(self.world.pass_time(milliseconds / 1000 + micro / MICROSECONDS))

    @rule(
        less=st.sampled_from([1.0, 0.001, 0.00001, 0.0]),
        process=st.integers(0, PROCESSES - 1), key=st.integers(0, KEYS - 1),
    )  # fmt: skip
    def wait_as_told(self, less: float, process: int, key: int) -> None:
        """Then one more passes, and with somewhat less none."""
        wait = self._compare(self.processes[process], self.keys[key], self.limit + 1)[-1].wait - less
        if wait > 0:
            self.run(self.world.pass_time(wait + (0.0 if less else CLOSE)))
            verdict = self._compare(self.processes[process - 1], self.keys[key], 1)[0]
            assert (verdict.wait > 0) == (less > 0)
            self.seen.add(f"waited {less} s less")

    @rule(limit=st.integers(1, 40))
    def change_the_limit(self, limit: int) -> None:
        self.seen.add("more" if limit > self.limit else "less")
        self.limit = limit

    def _compare(self, process: SharedLimiter, key: UUID, count: int) -> list[Verdict]:
        asked = RateCheck(key, self.tenant, self.limit)
        found: list[Verdict] = self.run(self.world.ask(process, asked, count))
        expected = [self.rule.ask(asked, self.world.micro) for _ in range(count)]
        assert [(each.wait == 0, each.remaining) for each in found] == [each[:2] for each in expected]
        assert not any(each.local for each in found)
        for verdict, (passes, _, free) in zip(found, expected, strict=True):
            # Those who pass together hear what is free when all of them have passed.
            told = verdict.reset - self.world.now
            if not passes or verdict is found[-1]:
                assert abs(told - free) < CLOSE
                assert passes or abs(verdict.wait - free) < CLOSE
        self.seen.add("refused" if found[-1].wait else "passed")
        return found

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.run(self._end())
            self.runner.close()


def check(url: str, script: str, examples: int) -> set[str]:
    found = {"url": f"{url}?db={DATABASE}", "script": script, "seen": set()}
    machine: type[AnyTraffic] = type("Traffic", (AnyTraffic,), found)
    given = settings(
        max_examples=examples, stateful_step_count=25, deadline=None, database=None, print_blob=False,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate], report_multiple_bugs=False,
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=given)
    return machine.seen


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What anything takes in real time counts for nothing."""
    monkeypatch.setattr("api.http.rate_limits.shared.TIMEOUT_SECONDS", 30.0)


def test_the_limiter_is_the_rule(redis_url: str) -> None:
    seen = check(redis_url, SCRIPT, examples=20)
    assert {"passed", "refused", "more", "less", "waited 1.0 s less", "waited 0.0 s less"} <= seen


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("local PERIOD, GOOD, STEP, EXACT_UP_TO, TENANT = 60000000,",
         "local PERIOD, GOOD, STEP, EXACT_UP_TO, TENANT = 59999000,"),
        ("local PERIOD, GOOD, STEP, EXACT_UP_TO, TENANT = 60000000,",
         "local PERIOD, GOOD, STEP, EXACT_UP_TO, TENANT = 60001000,"),
        ("room = math.min(room, limits[j] - counter.total)", "room = limits[1] - counters[1].total"),
        ("math.max(counter.total - limit + 1, 1)", "1"),
        ("if at > now - PERIOD then", "if at > now - PERIOD + 1000000 then"),
    ],
)  # fmt: skip
def test_another_rule_is_found(redis_url: str, right: str, wrong: str) -> None:
    """The negative controls."""
    assert SCRIPT.count(right) == 1
    with pytest.raises((AssertionError, ExceptionGroup)):
        check(redis_url, SCRIPT.replace(right, wrong), examples=100)


def test_limits_that_are_exact_are_all_that_a_tenant_sets_by_default() -> None:
    assert EXACT_UP_TO >= 6000
