"""A tick has one run because a row says so, not because there is one leader."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

from tests.workers.schedules import NOON, Schedule, every

MINUTE = timedelta(minutes=1)


async def race(schedule: Schedule, ticks: int) -> Counter[datetime]:
    """Three schedulers that all believe they lead go through the same ticks side by side; runs per tick."""
    schedulers = [schedule.scheduler(every(60), lock=number) for number in range(3)]
    for _ in range(ticks):
        await asyncio.gather(*(scheduler.round() for scheduler in schedulers))
        await schedule.finish_all()
        schedule.clock.jump(seconds=60)
    return Counter(await schedule.ticks())


async def test_schedulers_that_all_believe_they_lead_claim_every_tick_exactly_once(schedule: Schedule) -> None:
    assert await race(schedule, ticks=20) == {NOON + number * MINUTE: 1 for number in range(20)}
    assert len(schedule.wakes) == 20


async def test_without_the_claim_the_same_race_runs_a_tick_more_than_once(schedule: Schedule) -> None:
    await schedule.administer("ALTER TABLE app.scheduled_run DROP CONSTRAINT scheduled_run_pkey")
    await schedule.administer("DROP INDEX app.scheduled_run_unfinished")
    assert max((await race(schedule, ticks=20)).values()) > 1
