"""Rate limits: exact in Redis, strict without it, told to the client in headers and in the body of a 429."""

import asyncio
import random
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.http.limits import Limits
from api.http.rate_limits.local import LocalLimiter
from api.http.rate_limits.script import PREFIX
from api.http.rate_limits.verdict import LONGEST_WAIT_SECONDS, PERIOD_SECONDS, RateCheck, Verdict
from api.http.recording import Metrics
from supervisor.data_directory import DataDirectory
from supervisor.redis import EmbeddedRedis
from tests.api.limiters import Clock, client, limiter
from tests.api.logs import call, service, tenant_with_key
from tests.api.superadmins import superadmin
from tests.support.database import TestDatabase
from tests.support.guarded import guarded

ME = "/api/v1/tenants/me"


def asker(limit: int, tenant: UUID | None = None) -> RateCheck:
    return RateCheck(uuid4(), tenant or uuid4(), limit)


def passed(verdicts: list[Verdict]) -> int:
    return sum(verdict.wait == 0 for verdict in verdicts)


@pytest.mark.parametrize("processes", [1, 4])
async def test_of_a_thousand_at_once_exactly_the_limit_passes(redis_url: str, processes: int) -> None:
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


async def test_a_tenant_has_three_times_as_much_for_all_its_keys(redis_url: str) -> None:
    tenant = uuid4()
    async with limiter(redis_url) as shared:
        verdicts = await asyncio.gather(
            *(shared.check(who) for who in [asker(10, tenant) for _ in range(5)] for _ in range(10))
        )
    assert passed(verdicts) == 30


async def test_a_counter_is_gone_from_redis_when_nothing_counts_any_more(redis_url: str) -> None:
    who = asker(60_000)
    async with limiter(redis_url) as shared, client(redis_url) as redis:
        assert passed([await shared.check(who) for _ in range(50)]) == 50
        left = [await redis.pttl(f"{PREFIX}{name}") for name in (who.key, f"t:{who.tenant}")]
    assert all(0 < each <= (LONGEST_WAIT_SECONDS + 1) * 1000 for each in left)


def test_the_local_limiter_gives_each_process_its_part() -> None:
    clock, who = Clock(), asker(100)
    local = LocalLimiter(4, clock, clock)
    assert passed([local.check(who) for _ in range(200)]) == 25
    clock.now += PERIOD_SECONDS / 2
    refused = local.check(who)
    assert (refused.local, refused.remaining, refused.wait) == (True, 0, PERIOD_SECONDS / 2)
    clock.now += refused.wait
    assert passed([local.check(who) for _ in range(200)]) == 25


def test_in_no_minute_the_local_limiter_lets_more_through() -> None:
    clock, dice, limit = Clock(), random.Random(4), 20
    local, who, times = LocalLimiter(1, clock, clock), asker(limit), list[float]()
    for _ in range(3000):
        clock.now += dice.choice((0.0, 0.01, 0.3, 2.0, 20.0)) * dice.random()
        verdict = local.check(who)
        counted = sum(each > clock.now - PERIOD_SECONDS for each in times)
        if verdict.wait == 0:
            times.append(clock.now)
        assert verdict.remaining <= limit - counted
    assert all(late - early >= PERIOD_SECONDS for early, late in zip(times, times[limit:], strict=False))
    assert len(times) > 10 * limit


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
    async with limiter(url, LocalLimiter(1, clock, clock), clock) as shared:
        who = asker(20)
        assert not (await shared.check(who)).local
        process.send_signal(how)
        first = [await shared.check(who) for _ in range(3)]
        assert all(verdict.local for verdict in first)
        async with asyncio.timeout(20):  # with 250 ms for each it would be two minutes
            rest = [await shared.check(who) for _ in range(500)]
        assert passed(first + rest) == 19, "the first one counts"
        if how == signal.SIGSTOP:
            process.send_signal(signal.SIGCONT)
            clock.now += 6
            back = await shared.check(who)
            assert (back.local, back.wait > 0) == (False, True), "what passed meanwhile counts"
            assert not (await shared.check(asker(20))).local


async def full(redis: Redis) -> None:
    await redis.config_set("maxmemory-policy", "noeviction")
    await redis.config_set("maxmemory", "1")


async def of_another(redis: Redis) -> None:
    """A replica, which nobody may write to; its own counts are thrown away for those of the other."""
    await redis.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]  # the package's gap


async def busy(redis: Redis) -> None:
    """In a script that does not end: first it does not answer, then it says that it cannot."""
    await redis.config_set("lua-time-limit", "100")
    with pytest.raises((RedisError, TimeoutError)):
        await asyncio.wait_for(redis.eval("while true do end", 0), 0.05)


@pytest.mark.parametrize(("fault", "away"), [(full, False), (of_another, True), (busy, True)])
async def test_a_redis_that_refuses_is_one_that_is_away_and_one_that_is_full_still_counts(
    own_redis: tuple[str, Any], fault: Callable[[Redis], Awaitable[None]], away: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _ = own_redis
    await answering(url)
    if not away:
        monkeypatch.setattr("api.http.rate_limits.shared.TIMEOUT_SECONDS", 30.0)
    clock = Clock()
    async with limiter(url, LocalLimiter(1, clock, clock), clock) as shared, client(url) as redis:
        who = asker(20)
        assert not (await shared.check(who)).local
        await fault(redis)
        async with asyncio.timeout(20):
            verdicts = [await shared.check(who) for _ in range(30)]
        assert {verdict.local for verdict in verdicts} == {away}
        assert passed(verdicts) == 19, "what passed before counts here too"
        assert shared.is_local == away


async def test_a_script_that_redis_has_forgotten_is_sent_again(own_redis: tuple[str, Any]) -> None:
    url, _ = own_redis
    await answering(url)
    async with limiter(url) as shared, client(url) as redis:
        who = asker(20)
        for left in (19, 18, 17):
            verdict = await shared.check(who)
            assert (verdict.local, verdict.remaining) == (False, left)
            await redis.script_flush()


async def test_no_request_waits_for_a_limiter_that_does_not_answer(database: TestDatabase) -> None:
    """Red while the time of a request began behind the gate."""

    async def check(_: RateCheck) -> Verdict:
        await asyncio.Event().wait()
        raise AssertionError

    async with service(database, check_rate=check, limits=Limits(request_seconds=0.2, body_seconds=0.2)) as running:
        _, raw = await tenant_with_key(running.store)
        async with asyncio.timeout(10):
            answers = [
                await call(running.app, raw, ME),
                await call(running.app, raw, ME, "PATCH", {}),
                await call(running.app, raw, "/api/v1/nope"),
            ]
    assert [answer.status for answer in answers] == [503, 503, 404]


async def test_whoever_is_counted_here_alone_is_in_the_figures(database: TestDatabase) -> None:
    local, metrics = LocalLimiter(1), Metrics()

    async def check(asked: RateCheck) -> Verdict:
        return local.check(asked)

    async with service(database, check_rate=check, metrics=metrics) as running:
        _, raw = await tenant_with_key(running.store)
        assert b"loopctl_rate_limits_local_total 0.0" in metrics.text()
        await call(running.app, raw, ME)
        assert b"loopctl_rate_limits_local_total 1.0" in metrics.text()


async def test_one_too_many_hears_when_to_come_back(database: TestDatabase) -> None:
    clock = Clock()
    local = LocalLimiter(1, clock, clock)

    async def check(asked: RateCheck) -> Verdict:
        return local.check(asked)

    async with service(database, check_rate=check) as running:
        _, raw = await tenant_with_key(running.store)
        await call(running.app, raw, ME, "PATCH", {"settings": {"rate_limit_requests_per_minute": 2}})
        clock.now += LONGEST_WAIT_SECONDS
        answers = [await call(running.app, raw, ME) for _ in range(3)]
        refused = answers[2]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert refused.error == {
            "status": 429, "code": "rate_limited", "message": "Too many requests. Retry after 60 seconds.",
            "retry_after_seconds": 60,
        }  # fmt: skip
        assert (refused.headers["retry-after"], refused.headers["x-ratelimit-remaining"]) == ("60", "0")
        assert (refused.headers["x-ratelimit-limit"], refused.headers["x-ratelimit-policy"]) == ("2", "local")
        assert int(refused.headers["x-ratelimit-reset"]) == clock.now + 60
        clock.now += 60
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
