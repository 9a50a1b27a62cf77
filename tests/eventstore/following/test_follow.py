"""Followers: what they have taken in, and how far they are, never part."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from domain.event import Recorded
from eventstore.database.transaction import Database, TenantTx
from eventstore.following.follow import Follower, follow
from eventstore.log.lane import Writer
from tests.eventstore.writing import CODEC, new_project, store


class Collector:
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.positions: list[int] = []

    async def apply(self, _: TenantTx, recorded: Sequence[Recorded]) -> None:
        self.positions += [each.position for each in recorded]


async def test_a_follower_sees_every_event_once_while_others_write(
    app: Database, worker: Database, tenant: UUID
) -> None:
    collector = Collector()
    follower = Follower("collector", collector.apply)
    writers = [Writer(store(app)), Writer(store(app))]
    writing = asyncio.gather(*(writers[n % 2].submit(tenant, new_project(f"p{n}")) for n in range(600)))
    while not writing.done():
        await follow(worker, CODEC, tenant, follower)
        await asyncio.sleep(0)
    await follow(worker, CODEC, tenant, follower)
    assert collector.positions == list(range(600))


async def test_a_step_that_fails_is_taken_again(app: Database, worker: Database, tenant: UUID) -> None:
    await Writer(store(app)).submit(tenant, new_project("one"))
    collector = Collector()

    async def fails(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
        await collector.apply(tx, recorded)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await follow(worker, CODEC, tenant, Follower("collector", fails))
    assert await follow(worker, CODEC, tenant, Follower("collector", collector.apply)) == 1
    assert collector.positions == [0, 0]


async def test_two_workers_share_the_work_of_one_follower(app: Database, worker: Database, tenant: UUID) -> None:
    writer = Writer(store(app))
    await asyncio.gather(*(writer.submit(tenant, new_project(f"p{n}")) for n in range(50)))
    collector = Collector()
    follower = Follower("collector", collector.apply)
    taken = await asyncio.gather(*(follow(worker, CODEC, tenant, follower) for _ in range(4)))
    assert sum(taken) == 50
    assert collector.positions == list(range(50))
