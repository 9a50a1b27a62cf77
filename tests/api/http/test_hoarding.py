"""Bodies that do not come and answers that nobody reads: what one key holds of them is bounded, others go on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
import pytest
from litestar import Response, get, post
from litestar.params import JSONBody

from api.http.limits import Limits, Share
from api.http.spool import Spool
from domain.caller import Caller, Role
from tests.api.asgi import made
from tests.api.served import Served, Wire, served, wire

LONG = 300_000
BOOK = 16_000_000
"""More than sockets take by themselves."""

LIMITS = Limits(
    running=Share(2, 2, 6), exports=Share(1, 2, 3), held_bodies=Share(2 * LONG, 3 * LONG, 9 * LONG),
    held_answers=Share(BOOK + LONG, 3 * BOOK, 9 * BOOK), pace_bytes=65536, linger_seconds=0.3,
)  # fmt: skip
BOUNDLESS = msgspec.structs.replace(
    LIMITS, running=Share(6, 6, 6), exports=Share(99, 99, 99), held_bodies=Share(10**9, 10**9, 10**9),
    held_answers=Share(10**9, 10**9, 10**9),
)  # fmt: skip
HASTY = msgspec.structs.replace(LIMITS, pace_seconds=0.5)


class Text(msgspec.Struct):
    text: str = ""


@post("/texts", status_code=200, opt={"access": "any"})
async def take(data: JSONBody[Text]) -> int:
    return len(data.text)


@get("/book", opt={"access": "any"})
async def book() -> Text:
    return Text("x" * BOOK)


@get("/file", opt={"access": "any", "places": "exports"})
async def file() -> Response[Any]:
    made = Spool()
    for _ in range(BOOK // 1000):
        await made.add(b"x" * 1000)
    return await made.answer("application/json")


async def caller(raw: str) -> Caller:
    """``ann1`` is the first key of the tenant ann."""
    tenant = UUID(int=int.from_bytes(raw[:3].encode()))
    return Caller(tenant_id=tenant, key_id=UUID(int=int.from_bytes(raw.encode())), key_name=raw, role=Role.USER)


@asynccontextmanager
async def serving(limits: Limits = LIMITS) -> AsyncIterator[Served]:
    app = made(take, book, file, limits=limits, find_caller=caller)
    async with served(app, limits) as running:
        yield running


def asking(path: str, key: str, *lines: str) -> bytes:
    method = "POST" if path == "/texts" else "GET"
    more = "".join(f"{line}\r\n" for line in ("Content-Type: application/json", *lines) if method == "POST")
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n{more}\r\n".encode()


def text(key: str, length: int = LONG, *lines: str) -> bytes:
    return asking("/texts", key, f"Content-Length: {length}", *lines)


@asynccontextmanager
async def wires(port: int, *requests: bytes) -> AsyncIterator[list[Wire]]:
    """A connection for each, on which it was sent."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(wire(port)) for _ in requests]
        for each, request in zip(opened, requests, strict=True):
            await each.send(request)
        yield opened


async def silent(connections: list[Wire]) -> int:
    """How many of them say nothing, and stay open."""
    return sum(await asyncio.gather(*(each.is_open() for each in connections)))


async def test_room_for_a_body_is_asked_for_before_it_comes() -> None:
    async with serving() as here, wires(here.port, *[text("ann1") + b'{"text":"'] * 2) as unfinished:
        assert await silent(unfinished) == 2
        async with wires(here.port, text("ann1", LONG, "Expect: 100-continue")) as (third,):
            answer = await third.response()
            assert (answer.status, answer.error["code"]) == (429, "too_many_at_once"), "and not 100"
            assert (answer.headers["retry-after"], answer.error["retry_after_seconds"]) == ("2", 2)
            assert "Wait until the large bodies that it sends are answered" in answer.error["message"]
        async with wires(here.port, text("ann2"), text("bob1"), text("ann3")) as (second_key, other, third_key):
            assert (await third_key.response()).status == 429, "the tenant's share"
            assert await silent([second_key, other]) == 2
        async with wires(here.port, text("ann1", 11) + b'{"text":""}') as (small,):
            assert (await small.response()).body == b"0", "an ordinary body needs no room"


async def test_room_is_given_back_when_the_client_goes() -> None:
    async with serving() as here:
        for _ in range(5):
            async with wires(here.port, *[text("ann1") + b'{"text":"'] * 2) as unfinished:
                assert await silent(unfinished) == 2


async def test_without_shares_every_body_would_be_waited_for() -> None:
    """The negative control."""
    async with serving(BOUNDLESS) as here, wires(here.port, *[text("ann1") + b'{"text":"'] * 10) as unfinished:
        assert await silent(unfinished) == 10


async def test_a_body_that_does_not_say_how_long_it_is_takes_room_as_it_comes() -> None:
    head, chunk = asking("/texts", "ann1", "Transfer-Encoding: chunked"), b"10000\r\n" + b" " * 65536 + b"\r\n"
    async with serving() as here, wires(here.port, text("ann1", 2 * LONG)) as full:
        assert await silent(full) == 1
        async with wires(here.port, head + b"2\r\n{}\r\n0\r\n\r\n") as (small,):
            assert (await small.response()).body == b"0"
        async with wires(here.port, head + 4 * chunk) as (large,):
            answer = await large.response()
            assert (answer.status, answer.error["code"]) == (429, "too_many_at_once")


async def test_a_body_that_nobody_reads_is_not_kept() -> None:
    request = b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1900000\r\n\r\n" + b"x" * 1_800_000
    get = b"GET" + request[4:]
    async with serving() as here, wires(here.port, *[get] * 8) as unfinished:
        assert await silent(unfinished) == 8
        for each in unfinished:
            await each.send(b"x" * 100_000)
            assert (await each.response()).status == 200


async def test_a_large_body_that_stands_still_is_given_up_long_before_its_time() -> None:
    async with serving(HASTY) as here, wires(here.port, text("ann1", 2 * LONG) + b'{"text":"') as (still,):
        answer = await still.response(timeout_seconds=4)
        assert (answer.status, answer.error["code"]) == (408, "request_timeout")


async def test_a_large_body_may_be_slow() -> None:
    async with serving(HASTY) as here, wires(here.port, text("ann1", 3 * 131_072)) as (slow,):
        await slow.send(b'{"text":"' + b"x" * (131_072 - 9))
        for piece in (b"x" * 131_072, b"x" * (131_072 - 2) + b'"}'):
            await asyncio.sleep(0.3)  # three times make more than the time in which none at all may come
            await slow.send(piece)
        assert (await slow.response()).status == 200


async def whole(connection: Wire) -> int:
    """Bytes of the body of the answer that is read now."""
    async with asyncio.timeout(10):
        head = (await connection.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].split()[0])
        return len(await connection.reader.readexactly(length))


async def refusal(port: int, request: bytes) -> tuple[int, str]:
    async with wires(port, request) as (connection,):
        answer = await connection.response()
        return answer.status, answer.error["code"]


async def test_an_export_is_its_keys_until_it_is_read() -> None:
    async with serving() as here, wires(here.port, asking("/file", "ann1")) as (unread,):
        await unread.reader.readexactly(12)
        assert await refusal(here.port, asking("/file", "ann1")) == (429, "too_many_at_once")
        async with wires(here.port, asking("/file", "ann2")) as (second,):
            await second.reader.readexactly(12)
            assert await refusal(here.port, asking("/file", "ann3")) == (429, "too_many_at_once")
            async with wires(here.port, asking("/file", "bob1"), asking("/texts", "ann1", "Content-Length: 2")) as (
                others, small,
            ):  # fmt: skip
                assert await whole(others) == BOOK
                await small.send(b"{}")
                assert (await small.response()).status == 200, "no place of the running ones is taken"
        assert await whole(unread) == BOOK


async def test_without_shares_a_key_has_as_many_exports_as_it_likes() -> None:
    """The negative control."""
    async with serving(BOUNDLESS) as here, wires(here.port, *[asking("/file", "ann1")] * 5) as unread:
        for each in unread:
            await each.reader.readexactly(12)
        for each in unread:
            assert await whole(each) == BOOK


async def test_large_answers_that_are_not_read_are_bounded() -> None:
    async with serving() as here, wires(here.port, asking("/book", "ann1")) as (unread,):
        await unread.reader.readexactly(12)
        assert await refusal(here.port, asking("/book", "ann1")) == (429, "too_many_at_once")
        async with wires(here.port, asking("/book", "bob1")) as (others,):
            assert await whole(others) == BOOK + len('{"text":""}')
        assert await whole(unread) == BOOK + len('{"text":""}')
        async with wires(here.port, asking("/book", "ann1")) as (again,):
            assert await whole(again) == BOOK + len('{"text":""}')


@pytest.mark.parametrize("path", ["/book", "/file"])
async def test_who_does_not_read_is_cut_off(path: str) -> None:
    async with serving(HASTY) as here, wires(here.port, asking(path, "ann1")) as (unread,):
        await asyncio.sleep(2)  # a client that does nothing for four times as long as it may
        with pytest.raises(asyncio.IncompleteReadError):
            await whole(unread)
        assert await refusal(here.port, asking("/nothing", "ann1")) == (404, "not_found")


async def test_who_reads_slowly_gets_everything() -> None:
    async with serving(HASTY) as here, wires(here.port, asking("/file", "ann1")) as (slow,):
        head = (await slow.reader.readuntil(b"\r\n\r\n")).lower()
        left = int(head.partition(b"content-length: ")[2].split()[0])
        for _ in range(8):
            await asyncio.sleep(0.2)
            left -= len(await slow.reader.readexactly(min(left, BOOK // 8)))
        assert left == 0
