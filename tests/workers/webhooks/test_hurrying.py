"""A message through Redis hurries what is due; without one it is found by looking (spec 06, section 3.8)."""

import asyncio
from uuid import UUID, uuid4

import pytest
from redis.exceptions import ConnectionError as RedisLost

from workers.actors import Timing, Tools, nothing_due
from workers.jobs.deliver_webhooks import deliver_webhooks
from workers.webhooks.hurrying import Hurrying


class Seen:
    def __init__(self, due: set[UUID]) -> None:
        self.due = due
        self.asked: list[UUID] = []
        self.sent: list[UUID] = []
        self.lost = False

    async def is_due(self, tenant_id: UUID) -> bool:
        self.asked.append(tenant_id)
        return tenant_id in self.due

    async def wake(self, tenant_id: UUID) -> None:
        if self.lost:
            raise RedisLost
        self.sent.append(tenant_id)


async def ran(seen: Seen, *heard: UUID) -> None:
    hurrying, stop = Hurrying(seen.is_due, seen.wake), asyncio.Event()
    running = asyncio.create_task(hurrying.run(stop))
    for tenant_id in heard:
        hurrying.heard(tenant_id)
    async with asyncio.timeout(10):
        while len(seen.asked) < len(set(heard)):
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    stop.set()
    await running


async def test_news_of_a_tenant_with_something_due_is_one_message_however_often_it_is_heard() -> None:
    due, idle = uuid4(), uuid4()
    seen = Seen({due})
    await ran(seen, due, due, idle, due)
    assert (sorted(seen.asked), seen.sent) == (sorted((due, idle)), [due])


async def test_a_message_that_redis_does_not_take_is_left_to_the_sweeper() -> None:
    due = uuid4()
    seen = Seen({due})
    seen.lost = True
    await ran(seen, due)
    assert seen.sent == []


@pytest.mark.parametrize(("due", "outcome"), [(True, "done"), (False, "skipped")])
async def test_the_actor_only_begins_what_is_due(due: bool, outcome: str) -> None:
    async def hurry(_: UUID) -> bool:
        return due

    tools = Tools(None, Timing(), hurry_webhooks=hurry)  # type: ignore[arg-type]  # it asks no database
    assert await deliver_webhooks(tools, uuid4()) == outcome
    assert await nothing_due(uuid4()) is False
