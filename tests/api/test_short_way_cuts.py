"""The connection breaks at every message of a transition: all of it is there or nothing, and a retry does it once."""

import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from api.http.errors import UNKNOWN_OUTCOME
from bench.cut_proxy import ANSWERED, SIDES, Point, Proxy
from tests.api.logs import Service, service
from tests.api.team import CRITERIA, Work, work
from tests.api.test_short_way import At, differing, done
from tests.support.database import TestDatabase
from tests.support.trips import behind

MOST_TRIES = 4
MESSAGES = range(8)


@asynccontextmanager
async def cut(database: TestDatabase) -> AsyncIterator[tuple[Proxy, Service]]:
    with tempfile.TemporaryDirectory(prefix="loopctl-cuts-") as folder:
        socket, through = behind(database.app_url, Path(folder))
        proxy = Proxy(socket)
        async with (
            proxy.listening(Path(folder) / ".s.PGSQL.5432"),
            service(At(through), remember_seconds=1000.0) as running,
        ):
            yield proxy, running


async def beats(proxy: Proxy, loop: Work, number: str, point: Point, headers: dict[str, str]) -> tuple[bool, int]:
    """Whether it broke, and how many heartbeats are recorded of what was asked for once."""
    await has_claimed(loop, number)
    proxy.arm(point, lambda: None)
    answer: Any = None
    for _ in range(MOST_TRIES):
        answer = await loop.do(loop.team.implementer, number, "heartbeat", {"lease_seconds": 600}, **headers)
        if answer.status != 503:
            break
    proxy.disarm()
    assert answer.status == 200, answer.body
    story = loop.stories[number]
    count = Counter(tag for tag, _ in await events_of(loop, story))["story.lease_renewed"]
    return proxy.struck_by is not None, count


async def has_claimed(loop: Work, number: str) -> None:
    echo = {"story_title": f"Story {number}", "ac_count": len(CRITERIA)}
    await done(loop, loop.team.implementer, number, "contract", echo)
    await done(loop, loop.team.implementer, number, "claim", {"lease_seconds": 60})


async def events_of(loop: Work, story: str) -> list[tuple[str, Any]]:
    user = loop.team.user
    async with user.service.store.database.tenant_transaction(user.tenant) as tx:
        rows = await tx.fetch(
            "SELECT entry FROM app.log_entry WHERE tenant_id = $1 AND stream_id = $2 ORDER BY position",
            user.tenant,
            story,
        )
    events = [user.service.store.codec.decode(row["entry"]).event for row in rows]
    return [(event.TAG, event) for event in events]


async def sweep(database: TestDatabase, *, keyed: bool) -> tuple[int, int]:
    """Breaks, and how many heartbeats were recorded more than once."""
    async with cut(database) as (proxy, running):
        points = [Point(message, side) for message in MESSAGES for side in SIDES]
        numbers = [f"1.{place}" for place in range(len(points))]
        loop = await work(running, *numbers)
        broke = twice = 0
        for number, point in zip(numbers, points, strict=True):
            headers = {"idempotency_key": f"key-{number}"} if keyed else {}
            struck, recorded = await beats(proxy, loop, number, point, headers)
            assert recorded >= 1
            broke, twice = broke + struck, twice + (recorded > 1)
        assert await differing(database, running, loop.team.user.tenant) == []
    return broke, twice


async def test_a_transition_cut_at_any_message_happens_once(log_of_module: TestDatabase) -> None:
    broke, twice = await sweep(log_of_module, keyed=True)
    assert broke >= 3
    assert twice == 0


async def test_without_idempotency_keys_a_retry_after_a_cut_does_it_twice(log_of_module: TestDatabase) -> None:
    """The control: what was lost in its answer had happened."""
    _, twice = await sweep(log_of_module, keyed=False)
    assert twice >= 1


@pytest.mark.parametrize(("side", "happened"), [("unsent", False), ("unheard", True)])
async def test_a_lost_connection_is_named_as_an_unknown_outcome(
    log_of_module: TestDatabase, side: Any, happened: bool
) -> None:
    """Whether it has happened or not: who asked cannot see the difference."""
    numbers = [f"1.{message}" for message in MESSAGES]
    async with cut(log_of_module) as (proxy, running):
        loop = await work(running, *numbers)
        for message, number in enumerate(numbers):
            await has_claimed(loop, number)
            proxy.arm(Point(message, side), lambda: None)
            answer = await loop.do(loop.team.implementer, number, "start")
            proxy.disarm()
            if (proxy.struck_by or b"")[:1] in ANSWERED:
                break
        assert (answer.status, UNKNOWN_OUTCOME in answer.error["message"]) == (503, True)
        assert ("story.started" in dict(await events_of(loop, loop.stories[number]))) == happened
