"""When each key and each agent last asked: remembered here, written at most once a minute for each (spec 01, 1.12)."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from uuid import UUID

import structlog

from domain.caller import Caller
from eventstore.database.transaction import TenantTx
from eventstore.database.unavailable import DatabaseUnavailable
from projections.rows.last_seen import store_last_seen

log = structlog.get_logger("api")

EVERY_SECONDS = 60.0
"""Between two stamps of one key."""
FLUSH_SECONDS = 1.0
MOST_REMEMBERED = 20_000

Writing = Callable[[UUID], AbstractAsyncContextManager[TenantTx]]


class LastSeen:
    """A request costs a look into a dictionary; what is lost with the process is a minute's stamp."""

    def __init__(self, writing: Writing, clock: Callable[[], float], utc_now: Callable[[], datetime]) -> None:
        """``writing`` opens a transaction of a tenant; ``clock`` in seconds that never go back."""
        self._writing = writing
        self._clock = clock
        self._utc_now = utc_now
        self._stamped: OrderedDict[UUID, float] = OrderedDict()
        self._waiting: dict[UUID, dict[UUID, datetime]] = {}

    def note(self, caller: Caller) -> None:
        """Superadmins leave no stamp: they are in no tenant."""
        if caller.superadmin:
            return
        now = self._clock()
        stamped = self._stamped.get(caller.key_id)
        if stamped is not None and now - stamped < EVERY_SECONDS:
            return
        self._stamped[caller.key_id] = now
        self._stamped.move_to_end(caller.key_id)
        while len(self._stamped) > MOST_REMEMBERED:
            self._stamped.popitem(last=False)
        waiting = self._waiting.setdefault(caller.tenant_id, {})
        waiting[caller.key_id] = at = self._utc_now()
        if caller.agent_id:
            waiting[caller.agent_id] = at

    async def flush(self) -> None:
        """Writes what waits. Stamps that cannot be written are given up: better late than in the way."""
        while self._waiting:
            tenant_id, stamps = self._waiting.popitem()
            try:
                async with self._writing(tenant_id) as tx:
                    await store_last_seen(tx, stamps)
            except DatabaseUnavailable as error:
                log.warning("stamps_lost", count=len(stamps), error_class=type(error).__name__)

    async def keep_flushing(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()
