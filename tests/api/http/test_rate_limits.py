"""Rate limits: exact in Redis, strict without it, told to the client in headers and in the body of a 429."""

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis.exceptions import RedisError

from api.http.rate_limits.local import LocalLimiter
from api.http.rate_limits.shared import SCRIPT
from api.http.rate_limits.verdict import PERIOD_SECONDS, RateCheck, Verdict
from supervisor.data_directory import DataDirectory
from supervisor.redis import EmbeddedRedis
from tests.api.limiters import Clock, client, limiter
from tests.api.logs import call, service, tenant_with_key
from tests.api.superadmins import superadmin
from tests.support.database import TestDatabase
from tests.support.guarded import guarded

ME = "/api/v1/tenants/me"


def asker(limit: int, tenant: str | None = None) -> RateCheck:
    return RateCheck(str(uuid4()), tenant or str(uuid4()), limit)


def passed(verdicts: list[Verdict]) -> int:
    return sum(verdict.wait == 0 for verdict in verdicts)


def frozen() -> str:
    """The script with a clock that stands still, so that the count does not depend on how fast this machine is."""
    return SCRIPT.replace("redis.call('TIME')", "{1700000000, 0}")


@pytest.mark.parametrize("processes", [1, 4])
async def test_of_a_thousand_at_once_exactly_the_limit_passes(
    redis_url: str, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.rate_limits.shared.SCRIPT", frozen())
    who = asker(100)
    async with (
        limiter(redis_url) as one, limiter(redis_url) as two, limiter(redis_url) as three, limiter(redis_url) as four,
    ):  # fmt: skip
        chosen = (one, two, three, four)[:processes]
        verdicts = await asyncio.gather(*(chosen[number % processes].check(who) for number in range(1000)))
    assert passed(verdicts) == 100
    assert not any(verdict.local for verdict in verdicts)
    assert sorted(verdict.remaining for verdict in verdicts if verdict.wait == 0) == list(range(100))


async def test_a_limiter_that_reads_and_then_writes_lets_more_pass(redis_url: str) -> None:
    """The control: the same count, without the script."""
    who, let_through = asker(100), 0
    async with client(redis_url) as redis:

        async def check() -> None:
            nonlocal let_through
            count = int(await redis.get(f"control:{who.key}") or 0)
            if count < 100:
                await redis.set(f"control:{who.key}", count + 1, ex=10)
                let_through += 1

        await asyncio.gather(*(check() for _ in range(400)))
    assert let_through > 100


async def test_with_the_real_clock_no_more_pass_than_time_has_given(redis_url: str) -> None:
    who = asker(600)
    async with limiter(redis_url) as shared:
        start = asyncio.get_running_loop().time()
        verdicts = [await shared.check(who) for _ in range(1000)]
        seconds = asyncio.get_running_loop().time() - start
    assert 600 <= passed(verdicts) <= 600 + int(seconds * 10) + 1


async def test_a_tenant_has_three_times_as_much_for_all_its_keys(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.rate_limits.shared.SCRIPT", frozen())
    tenant = str(uuid4())
    async with limiter(redis_url) as shared:
        verdicts = await asyncio.gather(
            *(shared.check(who) for who in [asker(10, tenant) for _ in range(5)] for _ in range(10))
        )
    assert passed(verdicts) == 30


async def test_a_counter_is_empty_again_after_a_minute_and_gone_from_redis(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = asker(60_000)
    async with limiter(redis_url) as shared, client(redis_url) as redis:
        assert passed([await shared.check(who) for _ in range(50)]) == 50
        left = await redis.pttl(f"loopctl:limit:{who.key}")
    assert 0 < left <= PERIOD_SECONDS * 1000


def test_the_local_limiter_gives_each_process_its_part() -> None:
    clock, who = Clock(), asker(100)
    local = LocalLimiter(4, clock)
    assert passed([local.check(who) for _ in range(200)]) == 25
    clock.now += PERIOD_SECONDS / 25
    assert passed([local.check(who) for _ in range(10)]) == 1
    clock.now += PERIOD_SECONDS
    assert passed([local.check(who) for _ in range(200)]) == 25
    refused = local.check(who)
    assert (refused.local, refused.remaining, 0 < refused.wait <= PERIOD_SECONDS) == (True, 0, True)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A Redis that the test may stop."""
    data = DataDirectory(tmp_path / "data")
    with data.taken():
        redis = EmbeddedRedis(data)
        redis.prepare()
        process = guarded(subprocess.Popen(redis.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        try:
            yield redis.url, process
        finally:
            process.kill()
            process.wait()


async def answering(url: str) -> None:
    """Returns when the Redis that was just started answers."""
    async with asyncio.timeout(10), client(url) as redis:
        while True:
            try:
                await redis.ping()
            except (OSError, RedisError):
                await asyncio.sleep(0.02)
            else:
                return


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_without_redis_the_limit_is_kept_here_and_redis_is_left_alone_for_a_while(
    own_redis: tuple[str, Any], how: signal.Signals
) -> None:
    url, process = own_redis
    await answering(url)
    clock = Clock()
    async with limiter(url, LocalLimiter(1, clock), clock) as shared:
        who = asker(20)
        assert not (await shared.check(who)).local
        process.send_signal(how)
        first = [await shared.check(who) for _ in range(3)]
        assert all(verdict.local for verdict in first)
        async with asyncio.timeout(20):  # with 250 ms for each it would be two minutes
            rest = [await shared.check(who) for _ in range(500)]
        assert passed(first + rest) == 20
        if how == signal.SIGSTOP:
            process.send_signal(signal.SIGCONT)
            clock.now += 6
            assert not (await shared.check(asker(20))).local


async def test_every_answer_says_how_much_is_left(database: TestDatabase, redis_url: str) -> None:
    async with limiter(redis_url) as shared, service(database, check_rate=shared.check) as running:
        _, raw = await tenant_with_key(running.store, "agent")
        answers = [
            await call(running.app, raw, path, method)
            for method, path in (("GET", ME), ("GET", "/api/v1/api_keys"), ("GET", f"/api/v1/epics/{uuid4()}"))
        ]
    for number, answer in enumerate(answers[:2]):
        assert answer.headers["x-ratelimit-limit"] == "300"
        assert int(answer.headers["x-ratelimit-remaining"]) >= 299 - number
        assert int(answer.headers["x-ratelimit-reset"]) > 1_700_000_000
        assert "x-ratelimit-policy" not in answer.headers
    assert [answer.status for answer in answers[:2]] == [200, 403]


async def test_one_too_many_hears_when_to_come_back(database: TestDatabase) -> None:
    clock = Clock()
    local = LocalLimiter(1, clock)

    async def check(asked: RateCheck) -> Verdict:
        return local.check(asked)

    async with service(database, check_rate=check) as running:
        _, raw = await tenant_with_key(running.store)
        await call(running.app, raw, ME, "PATCH", {"settings": {"rate_limit_requests_per_minute": 2}})
        clock.now += 60
        answers = [await call(running.app, raw, ME) for _ in range(3)]
        refused = answers[2]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert refused.error == {
            "status": 429, "code": "rate_limited", "message": "Too many requests. Retry after 30 seconds.",
            "retry_after_seconds": 30,
        }  # fmt: skip
        assert (refused.headers["retry-after"], refused.headers["x-ratelimit-remaining"]) == ("30", "0")
        assert (refused.headers["x-ratelimit-limit"], refused.headers["x-ratelimit-policy"]) == ("2", "local")
        clock.now += 30
        assert (await call(running.app, raw, ME)).status == 200


async def test_superadmins_are_not_counted_unless_they_took_a_role(database: TestDatabase, redis_url: str) -> None:
    async with limiter(redis_url) as shared, service(database, check_rate=shared.check) as running:
        _, root = await superadmin(database)
        tenant, _ = await tenant_with_key(running.store)
        inside = {"X_Impersonate_Tenant": str(tenant)}
        free = await call(running.app, root, ME, **inside)
        counted = await call(running.app, root, ME, **inside, X_Effective_Role="user")
        admin = await call(running.app, root, "/api/v1/admin/tenants")
        unknown = await call(running.app, "lc_x", ME)
    assert [("x-ratelimit-limit" in each.headers) for each in (free, counted, admin, unknown)] == [
        False, True, False, False,
    ]  # fmt: skip
