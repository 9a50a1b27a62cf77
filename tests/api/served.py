"""A real server on a free port of the loopback interface, and raw sockets to ask it with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import msgspec
import uvloop
from msgspec import Struct

from api.http.limits import Limits
from api.http.newcomers import Newcomers
from api.http.protocol import GuardedProtocol
from api.http.server import Server, server_config
from api.start import listening_socket
from config.settings import Settings

GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BODY = b'{"name":"ann","count":2}'
WHOLE_POST = POST + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


class Response(Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> Any:
        return msgspec.json.decode(self.body)["error"]


class Served(Struct, frozen=True):
    """``server`` is stopped like the process would be: by ``should_exit``."""

    port: int
    server: Server
    refused: list[str]


@asynccontextmanager
async def served(
    app: Any,
    limits: Limits | None = None,
    *,
    shutdown_seconds: int = 2,
    guarded: bool = True,
    protocol: type[GuardedProtocol] = GuardedProtocol,
) -> AsyncIterator[Served]:
    """In a thread with the event loop of production, which differs from the tests' own in how connections end.

    Not ``guarded``: uvicorn's own protocol in the place of ours.
    """
    limits = limits or Limits()
    refused: list[str] = []
    config = server_config(app, limits, shutdown_seconds, refused.append)
    ours: Any = partial(protocol, limits=limits, refused=refused.append, newcomers=Newcomers())
    config.http = ours if guarded else "httptools"
    server = Server(config, limits, signals=False)
    with listening_socket(Settings(port=0), {}) as listener:
        port = listener.getsockname()[1]
        async with asyncio.TaskGroup() as group:
            running = group.create_task(asyncio.to_thread(uvloop.run, server.serve(sockets=[listener])))
            while not server.started:
                await asyncio.sleep(0.005)
            try:
                yield Served(port, server, refused)
            finally:
                server.should_exit = True
                await running


class Wire:
    """One connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *parts: bytes, pause: float = 0.0) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            if pause:
                await asyncio.sleep(pause)

    async def trickle(self, start: bytes, piece: bytes, *, every: float, timeout_seconds: float = 5.0) -> Response:
        """Sends ``piece`` again and again until there is an answer."""
        await self.send(start)
        async with asyncio.TaskGroup() as group:
            answer = group.create_task(self.response(timeout_seconds=timeout_seconds))
            while not answer.done():
                await self.send(piece)
                await asyncio.wait({answer}, timeout=every)
        return answer.result()

    async def response(self, *, head: bool = False, timeout_seconds: float = 5.0) -> Response:
        """The next answer on the connection."""
        async with asyncio.timeout(timeout_seconds):
            text = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status_line, *lines = text.rstrip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            length = 0 if head or status_line.split()[1] == "100" else int(headers["content-length"])
            return Response(int(status_line.split()[1]), headers, await self.reader.readexactly(length))

    async def is_closed(self, timeout_seconds: float = 5.0) -> bool:
        """True when the other side ends the connection without another byte."""
        async with asyncio.timeout(timeout_seconds):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True

    async def is_open(self, seconds: float = 0.2) -> bool:
        """True when nothing comes and nothing ends for a while."""
        try:
            await self.is_closed(seconds)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
