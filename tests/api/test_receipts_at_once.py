"""Many receipts at once: each covers its entry, and they share signatures."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from api.log.reading import LogReader
from eventstore.database.transaction import Database
from eventstore.log.lane import Writer
from loopctl.tlog.checkpoint import parse_checkpoint
from loopctl.tlog.note import parse_note
from loopctl.tlog.receipt import parse_receipt
from tests.eventstore.growing import KEYRING, opened_log
from tests.eventstore.writing import new_project, store
from tests.support.database import TestDatabase, connected

CALLERS, WRITES = 8, 10


@pytest.fixture
async def app(database: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(database.app_url, role="loopctl_app", max_size=4)
    yield opened
    await opened.close()


async def test_receipts_asked_for_while_others_write_cover_their_entries_and_share_signatures(app: Database) -> None:
    """Went red for one that joined a signature that was over already."""
    tenant = await opened_log(app)
    writer, log = Writer(store(app)), LogReader(app, KEYRING)
    covered = await asyncio.gather(*(write_with_receipts(writer, log, tenant, caller) for caller in range(CALLERS)))
    assert all(position < size for each in covered for position, size in each)
    assert sorted(position for each in covered for position, _ in each) == list(range(CALLERS * WRITES))
    assert len({size for each in covered for _, size in each}) < CALLERS * WRITES / 2


async def write_with_receipts(writer: Writer, log: LogReader, tenant: UUID, caller: int) -> list[tuple[int, int]]:
    """Position of each entry, and the size of the head that its receipt is under."""
    found = []
    for number in range(WRITES):
        reply = await writer.submit(tenant, new_project(f"p-{caller}-{number}"))
        assert reply.position is not None
        proof = parse_receipt(await log.receipt(tenant, reply.position))
        found.append((proof.index, parse_checkpoint(parse_note(proof.checkpoint).text).size))
    return found
