"""Records, as logs grow, what the read models of their tenants come to (spec 05, section 4.2).

Every process does this for the logs that it writes to; the log orders them, and whoever comes second records nothing.
Nobody waits for it: the rows are read in one snapshot, and the entry says of how many entries it is.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from msgspec import Struct

from api.commands import refused
from api.services import Submit
from domain.event import Recorded
from domain.state_digest import StateDigested, digest_stream, next_digest, record_digest
from eventstore.database.transaction import Database
from eventstore.log.command import Change, Command, Known, Origin
from projections.facts.last_digest import LAST_DIGEST
from projections.inline import PROJECTIONS
from projections.queries.exports import ONE_MOMENT
from projections.state_check import SIZE, digest_state

ACTOR = ("system", "system:state_digest")
NOT_NOW = sys.maxsize
PAUSE_SECONDS = 600.0
"""Before a log that could not be digested is looked at again: it may have more rows than a transaction has time for."""

log = structlog.get_logger("api")


class StateDigests:
    """``grown`` is told of every commit, and costs it a look into a dictionary."""

    def __init__(self, database: Database, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._database = database
        self._pause_seconds = pause_seconds
        self._due: dict[UUID, int] = {}
        """By tenant: the size at which to look again. A tenant that is not here has not been looked at yet."""
        self._wanted: asyncio.Queue[UUID] = asyncio.Queue()

    def grown(self, tenant_id: UUID, size: int) -> None:
        if size >= self._due.get(tenant_id, 0):
            self._due[tenant_id] = NOT_NOW
            self._wanted.put_nowait(tenant_id)

    async def run(self, submit: Submit, now: Callable[[], datetime]) -> None:
        """Until it is cancelled. ``now`` gives the time in UTC."""
        while True:
            tenant_id = await self._wanted.get()
            try:
                await self.look(tenant_id, submit, now())
            except Exception as error:  # noqa: BLE001  # whatever it is, a later look may do better
                asyncio.get_running_loop().call_later(self._pause_seconds, self._due.pop, tenant_id, None)
                log.warning("state_not_digested", tenant=str(tenant_id), error_class=type(error).__name__)

    async def look(self, tenant_id: UUID, submit: Submit, now: datetime) -> bool:
        """Whether a digest was due."""
        stream = digest_stream(tenant_id)
        async with self._database.tenant_transaction(tenant_id) as tx:
            last = (await LAST_DIGEST.load(tx, [stream.id])).get(stream.id)
            size = await tx.fetchval(SIZE, tenant_id)
        due = next_digest(last)
        if size is not None and size >= due:
            digest = await digest_now(self._database, tenant_id)
            await submit(tenant_id, recording(tenant_id, digest, ACTOR, now))
            self._due[tenant_id] = next_digest(digest.size)
            return True
        self._due[tenant_id] = due
        return False


@asynccontextmanager
async def digesting(digests: StateDigests, submit: Submit, now: Callable[[], datetime]) -> AsyncIterator[None]:
    """As long as the block runs."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(digests.run(submit, now), name="state digests")
        try:
            yield
        finally:
            task.cancel()


async def digest_now(database: Database, tenant_id: UUID) -> StateDigested:
    async with database.tenant_transaction(tenant_id) as tx:
        await tx.execute(ONE_MOMENT)
        return await digest_state(tx, PROJECTIONS)


class Recording(Struct, frozen=True):
    """What a command that records a digest answers. ``position`` is None when there was a newer one already."""

    size: int
    position: int | None


def recording(
    tenant_id: UUID, digest: StateDigested, actor: tuple[str, ...], now: datetime, *, asked: bool = False
) -> Command:
    """``asked``: by a person, who does not wait until one is due."""
    stream = digest_stream(tenant_id)
    need = LAST_DIGEST.need(stream.id)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, event) for event in record_digest(known[need], digest, asked=asked)]

    def answer(_: Known, recorded: Sequence[Recorded]) -> Any:
        return Recording(digest.size, recorded[0].position if recorded else None)

    return Command(
        origin=Origin(actor=actor, at=now, refuse=refused), needs=(need,), streams=(stream,), decide=decide,
        answer=answer,
    )  # fmt: skip
