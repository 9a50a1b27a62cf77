"""Wherever a client goes, or has to give way, what it held is given back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar import get
from litestar.response import Stream
from msgspec.structs import replace

from api.http.shell import Shell
from tests.api.asgi import made
from tests.api.http.test_hoarding import LIMITS, LONG, asking, book, caller, file, take, text
from tests.api.served import Served, served, wire

CROWDED = replace(LIMITS, connections=1)


@get("/news", opt={"access": "any", "places": "streams"})
async def news() -> Stream:
    async def events() -> AsyncIterator[bytes]:
        yield b"begin\n"
        await asyncio.sleep(60)

    return Stream(events(), media_type="text/event-stream")


@get("/slow", opt={"access": "any"})
async def slow() -> int:
    await asyncio.sleep(0.3)
    return 1


LEFT = {
    "idle": asking("/slow", "ann1"),
    "in headers": asking("/slow", "ann1")[:-4],
    "in a body": text("ann1") + b'{"text":"',
    "before a body": text("ann1", LONG, "Expect: 100-continue"),
    "in chunks": asking("/texts", "ann1", "Transfer-Encoding: chunked") + b"10000\r\n" + b" " * 65536 + b"\r\n",
    "in a large answer": asking("/book", "ann1"),
    "in a file": asking("/file", "ann1"),
    "in a stream": asking("/news", "ann1"),
    "in a stream with a request behind": asking("/news", "ann1") + asking("/slow", "ann1"),
    "in a stream with half a request behind": asking("/news", "ann1") + text("ann1") + b'{"text":"',
    "in a large answer with a request behind": asking("/book", "ann1") + asking("/slow", "ann1"),
    "in a body behind an answer": asking("/slow", "ann1") + text("ann1") + b'{"text":"',
}


def held(shell: Shell) -> dict[str, int]:
    kept = {name: admission.places.held for name, admission in shell._admissions.items()}
    kept |= {"bodies": shell._bodies.held, "answers": shell._answers.held}
    return {name: count for name, count in kept.items() if count}


async def nothing_is_held(here: Served, shell: Shell) -> None:
    for _ in range(100):
        if not held(shell):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(held(shell))


@pytest.mark.parametrize("how", ["goes", "gives way"])
@pytest.mark.parametrize("said", LEFT.values(), ids=list(LEFT))
async def test_what_was_held_is_given_back(said: bytes, how: str) -> None:
    limits: Any = CROWDED if how == "gives way" else LIMITS
    shell = made(take, book, file, news, slow, limits=limits, find_caller=caller)
    async with served(shell, limits) as here:
        async with wire(here.port) as leaving:
            await leaving.send(said)
            await asyncio.sleep(0.15)
            if how == "gives way":
                async with wire(here.port) as newcomer:
                    await newcomer.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert (await newcomer.response()).status in (200, 503)
            else:
                leaving.writer.transport.abort()
        await nothing_is_held(here, shell)


async def test_who_stops_speaking_before_the_stream_begins_has_left_it() -> None:
    """And who only speaks of another protocol has not: `curl --http2` does."""
    shell = made(news, limits=LIMITS, find_caller=caller)
    async with served(shell, LIMITS) as here:
        async with wire(here.port) as half:
            await half.send(asking("/news", "ann1"))
            half.writer.write_eof()
            await nothing_is_held(here, shell)
        upgrading = asking("/news", "ann1")[:-2] + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"
        async with wire(here.port) as speaking:
            await speaking.send(upgrading)
            assert b"200 OK" in await speaking.reader.readuntil(b"begin\n\r\n")
            assert await speaking.is_open()
