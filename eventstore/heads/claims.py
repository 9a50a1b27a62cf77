"""What clients say they have seen of a log, held against what it is now (spec 05, section 5.2).

Most of it is what the newest head says, or was asked a moment ago: then it costs no round trip.
"""

from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import Database, TenantTx
from eventstore.heads.checkpoints import checkpoint_at
from eventstore.heads.marks import marks_of
from eventstore.heads.tree import frontier_at
from loopctl.tlog.errors import TlogError

MOST_KNOWN = 20_000
KNOWN_SECONDS = 10.0
"""A database that was put back to an older state under a running process has to be noticed."""


class Standing(Struct, frozen=True):
    """The log at one size. ``root`` is None when it never had this size; ``marks`` are of the head that was signed."""

    root: bytes | None
    marks: tuple[str, ...] = ()


class Claims:
    def __init__(self, database: Database | None, clock: Callable[[], float]) -> None:
        """``clock`` in seconds that never go back. Without a database there is nothing to hold a claim against."""
        self._database = database
        self._clock = clock
        self._known: OrderedDict[tuple[UUID, int], tuple[float, Standing]] = OrderedDict()

    async def standing(self, tenant_id: UUID, size: int) -> Standing:
        """From the primary. What the log does not have (yet) is asked again each time."""
        kept = self._known.get((tenant_id, size))
        if kept is not None and kept[0] > self._clock():
            return kept[1]
        if self._database is None:
            return Standing(None)
        async with self._database.tenant_transaction(tenant_id) as tx:
            found = await standing_at(tx, size)
        if found.root is not None:
            self._known[tenant_id, size] = (self._clock() + KNOWN_SECONDS, found)
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return found


async def standing_at(tx: TenantTx, size: int) -> Standing:
    head = await checkpoint_at(tx, size)
    if head is not None:
        return Standing(head.root, tuple(marks_of(head.note)))
    try:
        return Standing((await frontier_at(tx, size)).root())
    except TlogError:
        return Standing(None)
