"""What comes back: bounded in bytes and in seconds, and complete, or a failure that says of what kind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from config.networks import Networks
from egress.client import LARGEST_ANSWER, Egress, SendFailed
from egress.destination import Rules

LOOPBACK = Rules(networks=Networks("127.0.0.0/8").networks, http=True)
Receiver = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(receiver: Receiver) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await receiver(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?a=1"
    finally:
        server.close()


async def test_a_request_arrives_whole_and_its_answer_is_told() -> None:
    seen = bytearray()

    async def receiver(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await reader.readuntil(b"\r\n\r\n"))
        seen.extend(await reader.readexactly(9))
        writer.write(b"HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with listening(receiver) as url:
        answered = await Egress(LOOPBACK).post(url, {"X-Made": "here"}, b'{"a": 1}\n')
    head, _, body = bytes(seen).partition(b"\r\n\r\n")
    assert (answered.status, answered.headers["retry-after"], body) == (429, "7", b'{"a": 1}\n')
    lines = head.decode().splitlines()
    assert lines[0] == "POST /hook?a=1 HTTP/1.1"
    assert {"Accept-Encoding: identity", "Connection: close", "Content-Length: 9", "X-Made: here"} <= set(lines)


async def test_an_answer_without_an_end_is_read_to_the_limit_and_counts_by_its_status() -> None:
    async def receiver(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1000):
            writer.write(b"a" * LARGEST_ANSWER)
            await writer.drain()

    async with listening(receiver) as url:
        assert (await Egress(LOOPBACK).post(url, {}, b"{}")).status == 200


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"", "connection_error"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "connection_error"),
        (b"nonsense\r\n\r\n", "connection_error"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 40_000 + b"\r\n", "connection_error"),
    ],
    ids=["nothing", "half a body", "no HTTP", "headers without an end"],
)
async def test_an_answer_that_is_not_whole_is_a_failure(said: bytes, kind: str) -> None:
    async def receiver(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()

    async with listening(receiver) as url:
        with pytest.raises(SendFailed) as failed:
            await Egress(LOOPBACK).post(url, {}, b"")
    assert failed.value.kind == kind


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"], ids=["no head", "a slow body"]
)
async def test_an_answer_that_takes_too_long_is_a_timeout(said: bytes) -> None:
    over = asyncio.Event()

    async def receiver(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await over.wait()

    async with listening(receiver) as url:
        with pytest.raises(SendFailed) as failed:
            await Egress(LOOPBACK).post(url, {}, b"", total_seconds=0.2)
        over.set()
    assert failed.value.kind == "timeout"


async def test_nobody_there_is_a_connection_error_and_plain_text_where_tls_is_wanted_one_of_tls() -> None:
    async def receiver(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await writer.drain()
        await reader.read(100)

    async with listening(receiver) as url:
        with pytest.raises(SendFailed) as failed:
            await Egress(LOOPBACK).post(url.replace("http:", "https:"), {}, b"")
    assert failed.value.kind == "tls_error"
    with pytest.raises(SendFailed) as failed:
        await Egress(LOOPBACK).post(url, {}, b"")
    assert failed.value.kind == "connection_error"


async def test_a_name_that_cannot_be_resolved_in_time_cannot_be_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr("egress.client.LOOKUP_SECONDS", 0.05)
    from egress.destination import EgressRefused

    with pytest.raises(EgressRefused, match="cannot be resolved"):
        await Egress(LOOPBACK, never).post("https://example.com/", {}, b"")
