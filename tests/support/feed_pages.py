"""Commands of many events at one time, and clients that read them back page by page while they are written."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import quote
from uuid import UUID

from msgspec import Struct

from tests.api.asgi import ask
from tests.api.logs import Service, tenant_with_key
from tests.support.events import claimed, new_project, new_story, put

START = datetime(2026, 3, 27, 12, tzinfo=UTC)
LONG_AGO = quote("2020-01-01T00:00:00Z")
PAGES = (1, 7, 100)
AGENT = UUID(int=9)
BUSY = 503
"""On a busy machine a client is told to come again, and does."""


class Read(Struct, frozen=True):
    """Positions in the order in which a client got them. ``way`` and ``page`` say how it went on."""

    way: str
    page: int
    positions: list[int]

    def wrong(self, size: int) -> int:
        """Entries missed, got twice or out of order."""
        missed = size - len({*self.positions})
        return missed + sum(later <= earlier for earlier, later in pairwise(self.positions))


class Campaign:
    """Of one tenant. ``ways`` name how its clients go on: those of `WAYS`."""

    def __init__(self, on: Service, seed: int) -> None:
        self._on = on
        self._random = random.Random(seed)
        self._done = asyncio.Event()

    async def run(self, entries: int, *ways: str) -> tuple[int, list[Read]]:
        """How long the log is, and what each client of each way and each size of pages got."""
        self._tenant, self._raw = await tenant_with_key(self._on.store)
        reads = [Read(way, page, []) for way in ways for page in PAGES]
        async with asyncio.TaskGroup() as group:
            for each in reads:
                group.create_task(WAYS[each.way](self, each))
            size = await self._write(entries)
            self._done.set()
        return size, reads

    async def _write(self, entries: int) -> int:
        """Some commands share their time with the one before, and some clocks go back an hour."""
        project = new_project()
        last = await put(self._on.store, self._tenant, project, at=START)
        at = START
        while last < entries:
            at += self._random.choice((timedelta(0), timedelta(microseconds=1), timedelta(seconds=1)))
            stories = [new_story(project[0], f"{last}.{n}") for n in range(self._random.randint(1, 6))]
            taken = [claimed(story, project[0], AGENT) for story, _ in stories]
            back = timedelta(hours=self._random.choice((0, 0, 0, 1)))
            last = await put(self._on.store, self._tenant, *stories, *taken, at=at - back)
        return last + 1

    async def by_next_since(self, read: Read) -> None:
        await self._poll(read, "changes?since={}&limit={}", LONG_AGO, lambda answer: answer["next_since"])

    async def by_time(self, read: Read) -> None:
        """The control: on after the last time that was seen, as next_since alone once said."""
        await self._poll(read, "changes?since={}&limit={}", LONG_AGO, _last_time)

    async def by_cursor(self, read: Read) -> None:
        await self._poll(read, "changes?cursor={}&page_size={}", "-1", lambda answer: answer["cursor"])

    async def by_chain(self, read: Read) -> None:
        await self._poll(read, "audit/chain?after={}&limit={}", "-1", lambda answer: answer["next_after"])

    async def _poll(self, read: Read, path: str, place: str, following: Callable[[Any], Any]) -> None:
        """``following`` says where to go on; None: where the client was."""
        while True:
            last_round = self._done.is_set()
            answer = await ask(self._on.app, f"/api/v1/{path.format(place, read.page)}", headers=self._headers)
            if answer.status == BUSY:
                await asyncio.sleep(0.1)
                continue
            assert answer.status == 200, answer.body
            found = answer.json()
            read.positions.extend(entry.get("position", entry.get("chain_position")) for entry in found["data"])
            if last_round and not found["data"] and not found["has_more"]:
                return
            if not found["data"]:
                await asyncio.sleep(0.001)
            after = following(found)
            place = place if after is None else quote(str(after))

    async def by_stream(self, read: Read) -> None:
        """Leaves after each so many events, and comes again with the id of the last."""
        last = "-1"
        while True:
            last_round = self._done.is_set()
            visit = Visit(self._on.app, {**self._headers, "Last-Event-ID": last})
            found = await visit.events(read.page)
            read.positions.extend(map(int, found))
            if found:
                last = found[-1]
            elif last_round and not visit.busy:
                return

    @property
    def _headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._raw}"}


def _last_time(answer: Any) -> str | None:
    return answer["data"][-1]["inserted_at"] if answer["data"] else None


WAYS: Mapping[str, Callable[[Campaign, Read], Coroutine[Any, Any, None]]] = {
    "next_since": Campaign.by_next_since, "cursor": Campaign.by_cursor, "chain": Campaign.by_chain,
    "stream": Campaign.by_stream, "time": Campaign.by_time,
}  # fmt: skip


class Visit:
    """One stream, left after some events or at the first sign that there is nothing new."""

    def __init__(self, app: Any, headers: Mapping[str, str]) -> None:
        self._app, self._headers = app, headers
        self._ids: list[str] = []
        self.busy = False
        self._chunks = 0
        self._enough = asyncio.Event()
        self._begun = False

    async def events(self, most: int) -> list[str]:
        """Their ids."""
        path = "/api/v1/changes/stream"
        lines = [(name.lower().encode(), value.encode()) for name, value in {"host": "x", **self._headers}.items()]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": path,
            "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http", "headers": lines,
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "state": {},
        }  # fmt: skip
        await self._app(scope, self._receive, self._send)
        return self._ids[:most]

    async def _receive(self) -> Any:
        if not self._begun:
            self._begun = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._enough.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.busy = message["status"] == BUSY
            assert self.busy or message["status"] == 200, message
            return
        self._chunks += 1
        if self._chunks == 1:  # says where it stands
            return
        blocks = message.get("body", b"").decode().split("\n\n")
        self._ids += [block.split("\n")[0].removeprefix("id: ") for block in blocks if "\ndata: " in block]
        self._enough.set()
