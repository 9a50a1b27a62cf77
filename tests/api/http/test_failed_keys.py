"""Whoever tries keys from one address is told to wait; good keys pass from it, and nobody pays who does not fail."""

import time
from typing import Any

import pytest

from api.http.rate_limits.local import FEWEST, LOOKED_UP, MOST_FAILED, MOST_WINDOWS, FailedKeys
from api.http.refusal import Refused
from domain.api_key import ALPHABET, complete_key
from tests.api.asgi import Answer, ask
from tests.api.limiters import Clock
from tests.api.logs import call, service, tenant_with_key
from tests.support.database import TestDatabase

ME = "/api/v1/tenants/me"
HERE = "192.0.2.1"


def nobody(_: str) -> bool:
    return False


def failed_keys(clock: Clock, most: int = 20, proxies: int = 0) -> FailedKeys:
    return FailedKeys(most, proxies, nobody, clock)


def another_key(number: int) -> str:
    """Well-formed; whose it might be is not known."""
    return complete_key("".join(ALPHABET[number // 60**at % 60] for at in range(34)))


def passes(keys: FailedKeys, source: str, raw_key: str = "lc_x") -> bool:
    try:
        keys.check(source, raw_key)
    except Refused:
        return False
    return True


def fail(keys: FailedKeys, source: str, raw_key: str = "lc_x") -> float:
    """Seconds to wait; 0 for one that only hears that its key is none."""
    try:
        keys.check(source, raw_key)
        keys.add(source)
    except Refused as refusal:
        return int(refusal.headers["Retry-After"])
    return 0


async def test_of_many_wrong_keys_most_are_told_to_wait(database: TestDatabase) -> None:
    """Red before they were counted: three thousand wrong keys were three thousand times 401."""
    clock = Clock()
    async with service(database, failed_keys=failed_keys(clock)) as running:
        _, raw = await tenant_with_key(running.store)
        answers = [await call(running.app, "lc_wrong", ME) for _ in range(3000)]
        assert [answer.status for answer in answers] == [401] * 20 + [429] * 2980
        refused = answers[-1]
        assert refused.headers["retry-after"] == "60"
        assert refused.error["code"] == "rate_limited"
        assert refused.error["retry_after_seconds"] == 60
        assert "x-ratelimit-limit" not in refused.headers
        assert (await call(running.app, raw, ME)).status == 200, "a good key passes from the same address"
        assert (await call(running.app, another_key(1), ME)).status == 429
        assert (await ask(running.app, ME)).status == 401, "no key is no attempt"
        assert (await call(running.app, "lc_wrong", "/api/v1/nope")).status == 429, "nor is there another way to try"
        clock.now += 59.99
        assert (await call(running.app, "lc_wrong", ME)).status == 429
        clock.now += 0.02
        assert (await call(running.app, "lc_wrong", ME)).status == 401


async def test_keys_that_are_tried_where_nothing_is_count_as_well(database: TestDatabase) -> None:
    async with service(database, failed_keys=failed_keys(Clock())) as running:
        found = [(await call(running.app, "lc_wrong", "/api/v1/nope")).status for _ in range(22)]
    assert found == [404] * 20 + [429] * 2


@pytest.mark.parametrize("gap", [0.3, 1.0, 2.0])
def test_the_time_that_is_told_is_true(gap: float) -> None:
    clock = Clock()
    keys = failed_keys(clock)
    for _ in range(20):
        assert fail(keys, HERE) == 0
        clock.now += gap
    wait = fail(keys, HERE)
    assert 0 < wait <= 60
    clock.now += wait - 1
    assert fail(keys, HERE) > 0
    clock.now += 1
    assert fail(keys, HERE) == 0


def test_addresses_are_counted_each_for_itself_and_of_ipv6_networks() -> None:
    keys = failed_keys(Clock())
    one = [keys.source({}, (f"2001:db8:1:2::{number:x}", 1)) for number in range(40)]
    assert [fail(keys, each) > 0 for each in one] == [False] * 20 + [True] * 20
    others = ("2001:db8:1:3::1", "192.0.2.7", "::ffff:192.0.2.8", "@socket")
    assert [fail(keys, keys.source({}, (other, 1))) for other in others] == [0] * 4
    assert keys.source({}, ("::ffff:192.0.2.7", 1)) == "192.0.2.7"
    assert keys.source({}, None) == ""


@pytest.mark.parametrize(
    ("proxies", "forwarded", "source"),
    [
        (0, "198.51.100.1", HERE),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        (2, "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        (2, "198.51.100.1", "198.51.100.1"),
        (1, "203.0.113.9, unknown", HERE),
        (1, "", HERE),
        (1, "2001:db8:1:2::9", "2001:db8:1:2::"),
    ],
)
def test_a_forwarded_address_is_believed_as_far_as_our_own_proxies_go(
    proxies: int, forwarded: str, source: str
) -> None:
    keys = failed_keys(Clock(), proxies=proxies)
    assert keys.source({b"x-forwarded-for": forwarded.encode()}, (HERE, 1)) == source


async def test_whoever_says_another_address_each_time_is_counted_by_his_own(database: TestDatabase) -> None:
    """The negative control is the line in which a proxy of ours says it."""
    for proxies, statuses in ((0, {401, 429}), (1, {401})):
        async with service(database, failed_keys=failed_keys(Clock(), proxies=proxies)) as running:
            found: list[Answer] = [
                await call(running.app, "lc_wrong", ME, X_Forwarded_For=f"198.51.100.{number}") for number in range(40)
            ]
        assert {answer.status for answer in found} == statuses


def test_what_could_be_a_key_is_looked_up_ten_times_as_often_and_a_good_one_always() -> None:
    clock, good = Clock(), another_key(0)
    keys = FailedKeys(20, 0, lambda raw_key: raw_key == good, clock)
    looked_up = 0
    for number in range(1, 1000):
        if passes(keys, HERE, another_key(number)):
            looked_up += 1
            fail(keys, HERE, another_key(number))
    assert looked_up == 20 * LOOKED_UP
    assert passes(keys, HERE, good)
    clock.now += 60
    assert passes(keys, HERE, another_key(1))


def test_a_process_has_its_part_and_at_least_a_few() -> None:
    keys = failed_keys(Clock(), most=MOST_FAILED // 64)
    assert [fail(keys, HERE) > 0 for _ in range(FEWEST + 1)] == [False] * FEWEST + [True]


def test_no_more_addresses_are_remembered_than_there_is_room_for() -> None:
    keys = failed_keys(Clock())
    for number in range(MOST_WINDOWS + 100):
        fail(keys, str(number))
    assert len(keys._windows._windows) == MOST_WINDOWS


async def test_good_keys_cost_nothing_until_somebody_has_tried_too_many(database: TestDatabase) -> None:
    """Counted: the address of a caller is not even looked at."""
    looked: list[Any] = []

    class Watched(FailedKeys):
        def source(self, headers: Any, peer: Any) -> str:
            looked.append(peer)
            return super().source(headers, peer)

    async with service(database, failed_keys=Watched(20, 1, nobody, time.monotonic)) as running:
        _, raw = await tenant_with_key(running.store)
        for key, looks in (("lc_wrong", 1), (raw, 0), ("lc_wrong", 19), (raw, 20)):
            for _ in range(max(looks, 1)):
                await call(running.app, key, ME)
        await call(running.app, raw, ME)
    assert len(looked) == 1 + 0 + 19 + 20 + 1
