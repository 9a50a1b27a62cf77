"""More connections than a process may have: those that wait for their clients keep nobody out."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
from litestar import get

from api.http import server
from api.http.limits import Limits
from api.http.protocol import GuardedProtocol
from tests.api.asgi import echo, made
from tests.api.served import GET, POST, Served, served, wire

LIMITS = Limits(connections=10, linger_seconds=0.3)
SLOW_GET = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"


@get("/slow", opt={"access": "public"})
async def slow() -> int:
    await asyncio.sleep(1.5)
    return 1


@pytest.fixture(scope="module")
async def here() -> AsyncIterator[Served]:
    async with served(made(echo, slow, limits=LIMITS), LIMITS) as running:
        yield running


@asynccontextmanager
async def full(here: Served, said: bytes) -> AsyncIterator[list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    """As many connections as there may be, each of which has said this."""
    async with asyncio.timeout(5):
        while here.server.server_state.connections:
            await asyncio.sleep(0.02)
    kept = [await asyncio.open_connection("127.0.0.1", here.port) for _ in range(LIMITS.connections)]
    try:
        for _, writer in kept:
            writer.write(said)
        await asyncio.sleep(0.05)
        yield kept
    finally:
        for _, writer in kept:
            writer.close()


async def test_one_connection_too_many_is_told_so_while_all_the_others_are_being_answered(here: Served) -> None:
    async with full(here, SLOW_GET) as kept:
        async with wire(here.port) as connection:
            response = await connection.response()
            assert (response.status, response.error["code"], response.headers["retry-after"]) == (
                503,
                "overloaded",
                "1",
            )
            assert await connection.is_closed()
        for reader, _ in kept:
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("said", [b"", GET, POST + b"Content-Length: 24\r\n\r\n{"])
async def test_connections_that_wait_for_their_clients_keep_nobody_out(here: Served, said: bytes) -> None:
    async with full(here, said) as kept:
        for _ in range(LIMITS.connections // 2):
            async with wire(here.port) as connection:
                await connection.send(GET + b"\r\n")
                assert (await connection.response()).status == 200
        ended = [reader for reader, _ in kept if reader.at_eof()]
        assert 1 <= len(ended) <= LIMITS.connections // 2, "one for each newcomer, and no more"


class Turning(GuardedProtocol):
    """Says of each connection in which turn of the loop it was accepted."""

    turn = 0
    turning = False
    accepted: ClassVar[list[int]] = []

    def connection_made(self, transport: Any) -> None:
        if not Turning.turning:
            Turning.turning = True
            self._turns()
        self.accepted.append(Turning.turn)
        super().connection_made(transport)

    def _turns(self) -> None:
        Turning.turn += 1
        self.loop.call_soon(self._turns)


@get("/busy", opt={"access": "public"})
async def busy() -> int:
    time.sleep(0.5)  # noqa: ASYNC251  # all that arrive in the meantime arrive together
    return 1


@pytest.mark.parametrize(("at_a_time", "waits"), [(server.ACCEPTED_AT_A_TIME, False), (1, True)])
async def test_of_connections_that_arrive_together_the_last_does_not_wait_a_turn_for_each(
    at_a_time: int, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control accepts as uvloop does by itself."""
    monkeypatch.setattr(server, "ACCEPTED_AT_A_TIME", at_a_time)
    monkeypatch.setattr(Turning, "turning", False)
    async with served(made(busy), protocol=Turning) as running, wire(running.port) as first:
        await first.send(GET.replace(b"/livez", b"/busy") + b"\r\n")
        await asyncio.sleep(0.1)
        Turning.accepted.clear()
        crowd = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(100)]
        await first.response()
        async with asyncio.timeout(10):
            while len(Turning.accepted) < len(crowd):
                await asyncio.sleep(0.02)
        assert (Turning.accepted[-1] - Turning.accepted[0] >= len(crowd) - 1) is waits
        for connection in crowd:
            connection.close()
