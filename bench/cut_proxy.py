"""A door before PostgreSQL that breaks at a chosen message, and tells where it broke."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

from msgspec import Struct

Side = Literal["unsent", "sent", "unheard"]
"""``unsent``: the server never sees the message. ``sent``: it does, and may or may not come to act on it. ``unheard``:
it has acted, and its answer gets lost."""

SIDES: tuple[Side, ...] = ("unsent", "sent", "unheard")

QUERY, SYNC, READY = b"Q", b"S", b"Z"
ANSWERED = (QUERY, SYNC)
"""The messages that PostgreSQL answers with ReadyForQuery: the ends of statements."""

WITH_TRANSACTION, WITHOUT = b"BEGIN; SET LOCAL app.tenant", b"SET app.tenant"
PASSWORD = b"p"
"""Counted neither: while a connection is being made, no statement is."""


class Point(Struct, frozen=True):
    """``message`` counts what a client sends from the moment the proxy is armed, from 0."""

    message: int
    side: Side


class Proxy:
    """``strike`` is called once, at the armed point, after all connections were cut."""

    def __init__(self, server: Path, *, torn: bool = False) -> None:
        self._server = server
        self._torn = torn
        """The control: takes the transaction away, so that each statement commits alone."""
        self._point: Point | None = None
        self._strike: Callable[[], None] = _nothing
        self._seen = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._answered = asyncio.Event()
        self._muted = False
        self.struck_by: bytes | None = None
        """The message at which it broke; None while it has not."""

    def arm(self, point: Point, strike: Callable[[], None]) -> None:
        self._point, self._strike, self._seen, self.struck_by = point, strike, 0, None

    def disarm(self) -> None:
        self._point = None

    @asynccontextmanager
    async def listening(self, door: Path) -> AsyncIterator[None]:
        server = await asyncio.start_unix_server(self._serve, door)
        try:
            yield
        finally:
            server.close()
            self._cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, downstream = await asyncio.open_unix_connection(self._server)
        self._open |= {writer, downstream}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, downstream))
                both.create_task(self._back(upstream, writer))
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for end in (writer, downstream):
                self._open.discard(end)
                end.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        """Message by message. The first has no type, only a length."""
        length = await reader.readexactly(4)
        server.write(length + await reader.readexactly(int.from_bytes(length) - 4))
        while True:
            head = await reader.readexactly(5)
            message = self._rewritten(head + await reader.readexactly(int.from_bytes(head[1:]) - 4))
            if head[:1] == PASSWORD:
                server.write(message)
                continue
            point = self._point
            self._seen += 1
            if point is not None and point.message == self._seen - 1:
                await self._break(message, point.side, server)
            else:
                server.write(message)

    async def _break(self, message: bytes, side: Side, server: asyncio.StreamWriter) -> None:
        self._point = None
        if side != "unsent":
            self._answered.clear()
            self._muted = True
            server.write(message)
            await server.drain()
        if side == "unheard" and message[:1] in ANSWERED:
            async with asyncio.timeout(5):
                await self._answered.wait()
        self.struck_by = message
        self._strike()
        self._cut()

    async def _back(self, server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await server.readexactly(5)
            message = head + await server.readexactly(int.from_bytes(head[1:]) - 4)
            if self._muted:
                if head[:1] == READY:
                    self._answered.set()
                continue
            writer.write(message)

    def _rewritten(self, message: bytes) -> bytes:
        if not self._torn or message[:1] != QUERY or WITH_TRANSACTION not in message:
            return message
        text = message[5:].replace(WITH_TRANSACTION, WITHOUT)
        return QUERY + (len(text) + 4).to_bytes(4) + text

    def _cut(self) -> None:
        self._muted = False
        for end in list(self._open):
            with suppress(OSError):
                end.transport.abort()


def _nothing() -> None:
    """At a point that is not armed."""
