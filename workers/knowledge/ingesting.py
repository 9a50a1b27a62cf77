"""Reads in what was asked for: fetches addresses, makes texts of pages and drafts of texts, and tells the API, which
writes the log. One at a time in each process; a crash leaves the rest to whoever comes next."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct

from domain.knowledge.ingestion import LONGEST_ADDRESS, Ingestion, Read, drafts_of
from egress.client import EgressRefused, Received, SendFailed, Wish
from eventstore.database.transaction import Database
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.following.pause import set_within
from projections.rows.ingestions import Taken, note_ingested, put_off_ingestion, take_ingestion, tenants_ingesting
from projections.rows.job_findings import Found, note_findings
from workers.knowledge.pages import Page, PageUnreadable, page_of
from workers.scheduler import uuid7

LARGEST_PAGE = 10 * 1024 * 1024
FETCH_SECONDS = 15.0
LEASE = timedelta(seconds=120)
MOST_ATTEMPTS = 3
MOST_TENANTS = 200
FOUND = "ingestion"
HTML = ("text/html", "application/xhtml+xml")
TEXTS = ("text/plain", "text/markdown", "text/x-markdown", "")
HEADERS = {"Accept": "text/html, text/markdown, text/plain", "User-Agent": "Loopctl-Ingestion/1.0"}

log = structlog.get_logger(__name__)


class Exchange(Protocol):
    """As egress.client.Egress sends."""

    async def __call__(self, wish: Wish, most_bytes: int, total_seconds: float) -> Received: ...


class ReadingFailed(Exception):
    """``kind`` is a short code. ``for_good``: another attempt would fail in the same way."""

    def __init__(self, kind: str, *, for_good: bool) -> None:
        super().__init__(kind)
        self.kind = kind
        self.for_good = for_good


class Pace(Struct, frozen=True):
    """Seconds. ``pause`` before the attempt after the given one."""

    sweep: float = 1.0
    pause: Callable[[int], float] = lambda attempt: attempt**4 + 15 + random.uniform(1, 30) * attempt  # noqa: S311  # no secret


class Ingesting:
    def __init__(self, database: Database, exchange: Exchange, pace: Pace) -> None:
        self._database = database
        self._exchange = exchange
        self._pace = pace

    async def run(self, stop: asyncio.Event) -> None:
        pause = 0.0
        while not await set_within(stop, pause):
            try:
                await self.sweep()
            except DatabaseUnavailable as error:
                log.debug("nothing_read_in", error_class=type(error).__name__)
            except Exception:  # whatever it is, the worker has other things to do, and the next look may do better
                log.exception("nothing_read_in")
            pause = self._pace.sweep

    async def sweep(self) -> int:
        """How many were worked on, one of each tenant at a time."""
        async with self._database.system_transaction() as tx:
            tenants = await tenants_ingesting(tx, MOST_TENANTS)
        worked = [await self._work(tenant_id) for tenant_id in tenants]
        return sum(worked)

    async def _work(self, tenant_id: UUID) -> bool:
        async with self._database.tenant_transaction(tenant_id) as tx:
            taken = await take_ingestion(tx, LEASE)
        if taken is None:
            return False
        try:
            read = await self._read(taken.ingestion)
        except ReadingFailed as failure:
            await self._failed(tenant_id, taken, failure)
        else:
            await self._note(tenant_id, read)
        return True

    async def _failed(self, tenant_id: UUID, taken: Taken, failure: ReadingFailed) -> None:
        id_ = taken.ingestion.ingestion_id
        if failure.for_good or taken.attempt >= MOST_ATTEMPTS:
            await self._note(tenant_id, Read(ingestion_id=id_, error=failure.kind))
            return
        pause = timedelta(seconds=self._pace.pause(taken.attempt))
        async with self._database.tenant_transaction(tenant_id) as tx:
            await put_off_ingestion(tx, id_, pause, failure.kind)

    async def _note(self, tenant_id: UUID, read: Read) -> None:
        """Told and marked as told in one transaction."""
        details = msgspec.json.encode(read).decode()
        found = Found(uuid7(datetime.now(UTC)), read.ingestion_id, "read", details)
        async with self._database.tenant_transaction(tenant_id) as tx:
            await note_findings(tx, FOUND, [found])
            await note_ingested(tx, read.ingestion_id, read.error)

    async def _read(self, ingestion: Ingestion) -> Read:
        """Raises ReadingFailed."""
        page = Page("", ingestion.content) if ingestion.url is None else await self._fetched(ingestion.url)
        drafts, left_out = await asyncio.to_thread(drafts_of, page.text.replace("\x00", ""), page.title)
        return Read(ingestion_id=ingestion.ingestion_id, drafts=drafts, left_out=left_out)

    async def _fetched(self, url: str) -> Page:
        wish = Wish("GET", url, HEADERS, longest_url=LONGEST_ADDRESS)
        try:
            received = await self._exchange(wish, LARGEST_PAGE, FETCH_SECONDS)
        except EgressRefused as refusal:
            raise ReadingFailed("address_refused", for_good=True) from refusal
        except SendFailed as failure:
            raise ReadingFailed(failure.kind, for_good=False) from failure
        if received.status // 100 == 3:
            raise ReadingFailed("redirected", for_good=True)
        if received.status // 100 != 2:
            raise ReadingFailed(f"status_{received.status}", for_good=received.status in (401, 403, 404, 410))
        if received.cut:
            raise ReadingFailed("too_large", for_good=True)
        return await text_of(received)


async def text_of(received: Received, convert: Callable[[str], Awaitable[Page]] = page_of) -> Page:
    """Raises ReadingFailed."""
    kind, _, parameters = received.headers.get("content-type", "").partition(";")
    text = _decoded(received.body, parameters)
    if kind.strip().lower() in HTML:
        try:
            return await convert(text)
        except PageUnreadable as error:
            raise ReadingFailed("unreadable_page", for_good=True) from error
    if kind.strip().lower() not in TEXTS or "\x00" in text[:1000]:
        raise ReadingFailed("not_text", for_good=True)
    return Page("", text)


def _decoded(body: bytes, parameters: str) -> str:
    """What is not of the encoding that the answer names, or of none that is known, is replaced."""
    name = parameters.lower().partition("charset=")[2].partition(";")[0].strip(" \"'") or "utf-8"
    try:
        return body.decode(name, errors="replace")
    except (LookupError, ValueError):
        return body.decode(errors="replace")
