"""Who reads which article, and for which work: noted beside the answer, which waits for nothing (spec 03, 14)."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from uuid import UUID, uuid4

import structlog
from msgspec import Struct, UnsetType

from api.http.asking import Asking
from eventstore.database.transaction import TenantTx
from eventstore.database.unavailable import DatabaseUnavailable
from projections.rows.article_reads import AccessType, Read, store_reads

log = structlog.get_logger("api")

FLUSH_SECONDS = 1.0
MOST_WAITING = 20_000
"""Reads; beyond, they are not counted."""
MOST_OF_A_SEARCH = 20

Writing = Callable[[UUID], AbstractAsyncContextManager[TenantTx]]


class Reading(Struct, frozen=True, kw_only=True):
    """One answer with articles. ``project`` and ``story`` are what the client says of its work, well-formed or not."""

    tenant_id: UUID
    key_id: UUID
    article_ids: Sequence[UUID]
    access_type: AccessType
    at: datetime
    project: str | UUID | None = None
    story: str | None = None
    query: str | None = None
    mode: str | None = None
    ranked: bool = False


class Reads:
    """A read costs an entry in a list; what is lost with the process is a second's."""

    def __init__(self, writing: Writing) -> None:
        """``writing`` opens a transaction of a tenant."""
        self._writing = writing
        self._waiting: dict[UUID, list[Read]] = {}
        self._count = 0

    def note(self, reading: Reading) -> None:
        if self._count + len(reading.article_ids) > MOST_WAITING:
            return
        reads = [
            Read(
                access_id=uuid4(), article_id=article_id, key_id=reading.key_id, project_id=_id(reading.project),
                story_id=_id(reading.story), access_type=reading.access_type, query=reading.query, mode=reading.mode,
                rank=rank if reading.ranked else None, accessed_at=reading.at,
            )
            for rank, article_id in enumerate(reading.article_ids[:MOST_OF_A_SEARCH], 1)
        ]  # fmt: skip
        self._waiting.setdefault(reading.tenant_id, []).extend(reads)
        self._count += len(reads)

    async def flush(self) -> None:
        """Writes what waits. What cannot be written is given up: it is in nobody's way."""
        while self._waiting:
            tenant_id, reads = self._waiting.popitem()
            self._count -= len(reads)
            try:
                async with self._writing(tenant_id) as tx:
                    await store_reads(tx, reads)
            except DatabaseUnavailable as error:
                log.warning("reads_lost", count=len(reads), error_class=type(error).__name__)

    async def keep_flushing(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()


def reading_of(asking: Asking, access_type: AccessType, article_ids: Sequence[UUID], at: datetime) -> Reading:
    return Reading(
        tenant_id=asking.caller.tenant_id, key_id=asking.caller.key_id, article_ids=article_ids,
        access_type=access_type, at=at,
    )  # fmt: skip


def said(text: str | UnsetType) -> str | None:
    return text or None


def _id(text: str | UUID | None) -> UUID | None:
    """None for what is none: the read counts all the same."""
    if text is None or isinstance(text, UUID):
        return text
    try:
        return UUID(text)
    except ValueError:
        return None
