"""Ends claims whose time has run out: the story goes back to the queue, by an event like everything else.

Every process does this; the log orders them, and whoever comes second finds nothing to do.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import structlog
from msgspec import Struct

from api.commands import refused
from api.rounds import in_rounds
from api.services import Submit
from domain.event import Stream
from domain.lifecycle.implementer import expire_lease
from eventstore.database.transaction import Database
from eventstore.log.command import Change, Command, Known, Origin
from projections.rows.stories import STORIES

EXPIRED = "SELECT tenant_id, story_id FROM app.expired_leases($1, $2)"

MOST_AT_ONCE = 200
ACTOR = ("system", "system:lease_expiry")

log = structlog.get_logger("api")


class LeaseSweeper(Struct, frozen=True):
    database: Database
    submit: Submit

    async def run(self, now: Callable[[], datetime]) -> None:
        """Until it is cancelled. ``now`` gives the time in UTC."""
        await in_rounds(self.sweep, now, "leases_not_swept")

    async def sweep(self, now: datetime) -> int:
        """How many claims were over."""
        async with self.database.system_transaction() as tx:
            rows = await tx.fetch(EXPIRED, now, MOST_AT_ONCE)
        for row in rows:
            await self.submit(row["tenant_id"], expiry(row["story_id"], now))
        return len(rows)


@asynccontextmanager
async def sweeping(sweeper: LeaseSweeper, now: Callable[[], datetime]) -> AsyncIterator[None]:
    """As long as the block runs."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(sweeper.run(now), name="lease sweeper")
        try:
            yield
        finally:
            task.cancel()


def expiry(story_id: UUID, now: datetime) -> Command:
    """Nothing is recorded when the lease was renewed in the meantime."""
    stream, need = Stream("story", story_id), STORIES.need(story_id)

    def decide(known: Known) -> Sequence[Change]:
        story = known[need]
        return [Change(stream, event) for event in expire_lease(story, now)] if story else []

    return Command(
        origin=Origin(actor=ACTOR, at=now, refuse=refused), needs=(need,), streams=(stream,), decide=decide,
        answer=lambda *_: None,
    )  # fmt: skip
