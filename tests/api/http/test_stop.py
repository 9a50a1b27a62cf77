"""How the server ends: nobody who was let in is dropped, and nobody waits for ever."""

import asyncio
import time
from typing import Any

import pytest
from litestar import get

from api.http.limits import Limits
from tests.api.asgi import made
from tests.api.served import GET, served, wire

SLEEP = b"GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n"


def app(seconds: float) -> Any:
    @get("/sleep", opt={"access": "public"})
    async def sleep() -> str:
        await asyncio.sleep(seconds)
        return "rested"

    return made(sleep)


async def test_a_running_request_is_finished_and_its_connection_closed() -> None:
    async with served(app(0.4)) as running, wire(running.port) as connection:
        await connection.send(SLEEP)
        await asyncio.sleep(0.1)
        running.server.should_exit = True
        response = await connection.response()
        assert (response.status, response.body) == (200, b"rested")
        assert response.headers["connection"] == "close"
        assert await connection.is_closed()


async def test_a_request_that_comes_on_an_open_connection_is_sent_elsewhere() -> None:
    async with served(app(0), Limits(linger_seconds=4)) as running, wire(running.port) as connection:
        await connection.send(GET + b"\r\n")
        assert (await connection.response()).status == 200
        running.server.should_exit = True
        await asyncio.sleep(0.3)
        await connection.send(GET + b"\r\n")
        response = await connection.response()
        assert (response.status, response.error["code"]) == (503, "stopping")
        assert (response.headers["connection"], response.headers["retry-after"]) == ("close", "1")
        assert await connection.is_closed()


async def test_a_stopping_server_takes_no_new_connection() -> None:
    async with served(app(0.5)) as running, wire(running.port) as connection:
        await connection.send(SLEEP)
        await asyncio.sleep(0.1)
        running.server.should_exit = True
        await asyncio.sleep(0.3)
        with pytest.raises(ConnectionError):
            async with wire(running.port):
                pass
        assert (await connection.response()).status == 200


async def test_a_connection_that_has_not_asked_yet_is_waited_for_and_sent_elsewhere() -> None:
    async with served(app(0), Limits(linger_seconds=1)) as running, wire(running.port) as connection:
        await asyncio.sleep(0.05)
        running.server.should_exit = True
        await asyncio.sleep(0.6)
        await connection.send(GET + b"\r\n")
        assert (await connection.response()).error["code"] == "stopping"


async def test_an_idle_connection_does_not_hold_up_the_end() -> None:
    began = time.monotonic()
    async with served(app(0), shutdown_seconds=30) as running, wire(running.port) as connection:
        await connection.send(GET + b"\r\n")
        await connection.response()
        running.server.should_exit = True
        assert await connection.is_closed(10)
    assert time.monotonic() - began < 15


async def test_a_request_that_outlasts_the_grace_is_told_that_the_server_stopped() -> None:
    began = time.monotonic()
    async with served(app(30), shutdown_seconds=1) as running, wire(running.port) as connection:
        await connection.send(SLEEP)
        await asyncio.sleep(0.1)
        running.server.should_exit = True
        response = await connection.response()
        assert (response.status, response.error["code"]) == (503, "stopping")
    assert time.monotonic() - began < 15
