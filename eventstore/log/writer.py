"""All tenants' lanes of this process."""

import asyncio
from collections import OrderedDict
from uuid import UUID

from eventstore.log.command import Command, Reply
from eventstore.log.lane import Lane, Store

MOST_LANES = 1000
"""Tenants whose states are remembered between commands."""

AT_ONCE = 4
"""Lanes that write at a time. What a lane waits for its turn makes its batch larger, and a batch costs as many round
trips as a lone command: more at a time would do less in all."""


class Writer:
    """The door to the log for whoever has a command. Several processes may each have one: the head orders them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._lanes: OrderedDict[UUID, Lane] = OrderedDict()

    async def submit(self, tenant_id: UUID, command: Command) -> Reply:
        """Returns after the commit. Raises Overloaded, DatabaseUnavailable, NoLog."""
        lane = self._lanes.get(tenant_id)
        if lane is None:
            lane = self._lanes[tenant_id] = Lane(self._store, tenant_id, self._slots)
            self._drop_idle()
        else:
            self._lanes.move_to_end(tenant_id)
        return await lane.submit(command)

    async def finish(self) -> None:
        """Waits until every command that was taken has its answer; at a stop."""
        for lane in list(self._lanes.values()):
            await lane.finish()

    def _drop_idle(self) -> None:
        for tenant_id in list(self._lanes):
            if len(self._lanes) <= MOST_LANES:
                return
            if self._lanes[tenant_id].idle:
                del self._lanes[tenant_id]
