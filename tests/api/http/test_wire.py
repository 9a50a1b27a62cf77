"""Bytes that a client can send: every one of them is answered in our shape or cut off, and none of them breaks or hangs
anything."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec
import pytest

from api.http.limits import Limits
from tests.api.asgi import echo, made
from tests.api.served import BODY, GET, POST, WHOLE_POST, Served, served, wire

CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

LIMITS = Limits(
    header_seconds=0.4, body_seconds=0.4, idle_seconds=1.0, linger_seconds=0.3, write_seconds=0.5, connections=20
)


@pytest.fixture(scope="module")
async def here() -> AsyncIterator[Served]:
    async with served(made(echo, limits=LIMITS), LIMITS) as running:
        yield running


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"\x00\x01\x02 nonsense\r\n\r\n", 400, "bad_request"),
        (bytes.fromhex("1603010200010001fc0303") + bytes(300), 400, "bad_request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (b"GET /livez\r\n\r\n", 400, "bad_request"),
        (b"GET /livez HTTP/1.1\nHost: x\n\n", 400, "bad_request"),
        (b"BREW /livez HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (b"GET /livez HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "bad_request"),
        (GET + b"X Y: z\r\n\r\n", 400, "bad_request"),
        (GET + b"X : z\r\n\r\n", 400, "bad_request"),
        (GET + b"X: a\x00b\r\n\r\n", 400, "bad_request"),
        (GET + b"X: a\r\n b\r\n\r\n", 400, "bad_request"),
        (GET + b": a\r\n\r\n", 400, "bad_request"),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad_request"),
        (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345", 400, "bad_request"),
        (POST + b"Content-Length: -5\r\n\r\n", 400, "bad_request"),
        (POST + b"Content-Length: 99999999999999999999999\r\n\r\n", 400, "bad_request"),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", 400, "bad_request"),
        (POST + b"Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 24\r\n\r\n" + BODY, 400, "bad_request"),
        (CHUNKED + b"zz\r\n", 400, "bad_request"),
        (CHUNKED + b"-1\r\n", 400, "bad_request"),
        (CHUNKED + b"fffffffffffffffff\r\n", 400, "bad_request"),
        (CHUNKED + b"2\r\n{}x\r\n", 400, "bad_request"),
        (CHUNKED + b"5;a=" + b"a" * 300_000, 400, "bad_request"),
        (CHUNKED + b"0\r\nX: " + b"a" * 300_000, 400, "bad_request"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri_too_long"),
        (b"GET /" + b"a" * 500_000, 414, "uri_too_long"),
        (GET + b"X: " + b"a" * 20_000 + b"\r\n\r\n", 431, "headers_too_large"),
        (GET + b"X: y\r\n" * 4000 + b"\r\n", 431, "headers_too_large"),
        (GET + b"X: " + b"a" * 500_000, 431, "headers_too_large"),
        (GET + b"X" * 500_000, 431, "headers_too_large"),
        (b"\r\n" * 250_000, 431, "headers_too_large"),
    ],
    ids=range(36),
)
async def test_what_is_not_a_request_is_answered_in_our_shape_and_the_connection_ends(
    here: Served, sent: bytes, status: int, code: str
) -> None:
    here.refused.clear()
    async with wire(here.port) as connection:
        await connection.send(sent)
        response = await connection.response()
        assert (response.status, response.error["status"], response.error["code"]) == (status, status, code)
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert response.headers["connection"] == "close"
        assert len(response.headers["x-request-id"]) == 36
        assert await connection.is_closed()
    assert here.refused == [code]


ASKING = b"X-Request-Id: trace-0123\r\nAccept: application/problem+json\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (GET + ASKING + b"X: a\x00b\r\n\r\n", 400),
        (POST + ASKING + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (GET + ASKING + b"X: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (GET + ASKING + b"X: y\r\n", 408),  # the parser shows a header when the next one begins
    ],
)
async def test_a_refusal_below_http_minds_the_headers_that_came_before(here: Served, sent: bytes, status: int) -> None:
    async with wire(here.port) as connection:
        await connection.send(sent)
        response = await connection.response()
    assert response.status == status
    assert response.headers["x-request-id"] == "trace-0123"
    assert response.headers["content-type"] == "application/problem+json"
    assert msgspec.json.decode(response.body)["status"] == status


async def test_what_follows_a_request_is_not_answered_with_its_headers(here: Served) -> None:
    async with wire(here.port) as connection:
        await connection.send(GET + ASKING + b"\r\n", b"\x00\r\n\r\n")
        assert (await connection.response()).headers["x-request-id"] == "trace-0123"
        response = await connection.response()
    assert response.status == 400
    assert response.headers["x-request-id"] != "trace-0123"
    assert response.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (GET + b"\r\n", 200),
        (b"\r\n\r\n" + GET + b"\r\n", 200),
        (GET + b"X: " + b"a" * 15_000 + b"\r\n\r\n", 200),
        (b"GET /" + b"a" * 8000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET http://other/livez HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET //api//v1// HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /livez?%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (WHOLE_POST, 200),
        (CHUNKED + b'5\r\n{"nam\r\nb\r\ne":"hello"}\r\n0\r\n\r\n', 200),
        (CHUNKED + b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n", 200),
        (CHUNKED + b"18;ext=1\r\n" + BODY + b"\r\n0\r\nContent-Type: text/plain\r\n\r\n", 200),
        (b"POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345", 404),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345", 415),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 415),
    ],
    ids=range(17),
)
async def test_what_is_a_request_leaves_the_connection_open_for_the_next(
    here: Served, sent: bytes, status: int
) -> None:
    async with wire(here.port) as connection:
        await connection.send(sent)
        assert (await connection.response()).status == status
        await connection.send(GET + b"\r\n")
        assert (await connection.response()).status == 200


async def test_a_head_is_answered_without_a_body_and_the_next_answer_is_not_mistaken_for_it(here: Served) -> None:
    async with wire(here.port) as connection:
        for target in (b"/livez", b"/nope", b"/health"):
            await connection.send(b"HEAD %b HTTP/1.1\r\nHost: x\r\n\r\n" % target + GET + b"\r\n")
            assert int((await connection.response(head=True)).headers["content-length"]) > 0
            assert (await connection.response()).body == b'{"status":"ok"}'


async def test_http_1_0_needs_no_host_and_ends_after_one_answer(here: Served) -> None:
    async with wire(here.port) as connection:
        await connection.send(b"GET /livez HTTP/1.0\r\n\r\n")
        assert (await connection.response()).status == 200
        assert await connection.is_closed()


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
async def test_another_protocol_is_not_spoken_and_the_request_is_answered(here: Served, protocol: bytes) -> None:
    async with wire(here.port) as connection:
        await connection.send(GET + b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n\x00\x01")
        response = await connection.response()
        assert (response.status, response.headers["connection"]) == (200, "close")
        assert await connection.is_closed()


# Slowness


async def test_headers_that_never_end_are_408(here: Served) -> None:
    async with wire(here.port) as connection:
        response = await connection.trickle(b"GET /livez HTTP/1.1\r\n", b"X: y\r\n", every=0.05)
        assert (response.status, response.error["code"]) == (408, "request_timeout")
        assert await connection.is_closed()


async def test_headers_that_never_end_are_408_on_a_used_connection_too(here: Served) -> None:
    async with wire(here.port) as connection:
        await connection.send(GET + b"\r\n")
        assert (await connection.response()).status == 200
        assert (await connection.trickle(GET, b"X: y\r\n", every=0.05)).status == 408


async def test_headers_in_several_pieces_are_fine(here: Served) -> None:
    async with wire(here.port) as connection:
        await connection.send(GET + b"X: " + b"a" * 7000, b"b" * 7000, b"c\r\n", b"\r\n", pause=0.02)
        assert (await connection.response()).status == 200


async def test_a_connection_that_says_nothing_is_closed_without_a_word(here: Served) -> None:
    async with wire(here.port) as connection:
        assert await connection.is_closed(2)
    async with wire(here.port) as connection:
        await connection.send(GET + b"\r\n")
        await connection.response()
        assert await connection.is_closed(3)


@pytest.mark.parametrize("start", [POST + b"Content-Length: 100\r\n\r\n", CHUNKED])
async def test_a_body_that_trickles_is_408_and_cut_off(here: Served, start: bytes) -> None:
    async with wire(here.port) as connection:
        piece = b"1\r\nx\r\n" if start is CHUNKED else b"x"
        response = await connection.trickle(start, piece, every=0.05)
        assert (response.status, response.error["code"]) == (408, "request_timeout")
        assert await connection.is_closed()


async def test_a_client_that_does_not_read_its_answers_is_cut_off(here: Served) -> None:
    """Answers pile up in the buffers of both ends, and then the connection is ended by us."""
    with socket.create_connection(("127.0.0.1", here.port)) as deaf:
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        request = b"GET /swaggerui/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
        await loop.sock_sendall(deaf, request * 8)
        await asyncio.sleep(0.1)
        assert here.server.server_state.connections
        async with asyncio.timeout(5):
            while here.server.server_state.connections:
                await asyncio.sleep(0.05)


async def test_uvicorn_alone_does_none_of_this() -> None:
    """The control: the same server without our protocol waits, takes headers of any size, and answers in plain text."""
    async with served(made(echo), LIMITS, guarded=False) as running:
        async with wire(running.port) as connection:
            await connection.send(GET)
            assert await connection.is_open(LIMITS.header_seconds * 2)
        async with wire(running.port) as connection:
            await connection.send(GET + b"X: " + b"a" * 60_000 + b"\r\n\r\n")
            assert (await connection.response()).status == 200
        async with wire(running.port) as connection:
            await connection.send(b"nonsense\r\n\r\n")
            assert (await connection.response()).headers["content-type"].startswith("text/plain")


# Refusals that are heard


async def test_a_body_that_is_announced_too_long_is_413_before_it_is_sent(here: Served) -> None:
    async with wire(here.port) as connection:
        await connection.send(POST + b"Content-Length: 3000000\r\nExpect: 100-continue\r\n\r\n")
        response = await connection.response()
        assert (response.status, response.headers["connection"]) == (413, "close")


async def test_a_body_that_is_too_long_is_413_though_all_of_it_was_sent(here: Served) -> None:
    async with wire(here.port) as connection:
        await connection.send(POST + b"Content-Length: 3000000\r\n\r\n", *[b"x" * 100_000] * 30)
        response = await connection.response()
        assert (response.status, response.error["code"]) == (413, "payload_too_large")


async def test_who_waits_for_a_sign_to_go_on_gets_it(here: Served) -> None:
    async with wire(here.port) as connection:
        await connection.send(POST + b"Content-Length: 24\r\nExpect: 100-continue\r\n\r\n")
        assert (await connection.response()).status == 100
        await connection.send(BODY)
        assert (await connection.response()).status == 200


async def test_json_a_million_levels_deep_is_400_at_once(here: Served) -> None:
    for body in (b"[" * 1_000_000, b'{"a":' * 400_000):
        async with wire(here.port) as connection:
            await connection.send(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            response = await connection.response(timeout_seconds=2)
            assert response.status == 400
            assert "nested deeper than 64 levels" in response.error["message"]


async def test_a_client_may_stop_sending_and_still_read_its_answer(here: Served) -> None:
    async with wire(here.port) as connection:
        await connection.send(WHOLE_POST)
        connection.writer.write_eof()
        assert (await connection.response()).status == 200
        assert await connection.is_closed()


@pytest.mark.parametrize("sent", [GET, POST + b"Content-Length: 24\r\n\r\n{", CHUNKED + b"5\r\n{"])
async def test_a_client_that_stops_in_the_middle_gets_nothing(here: Served, sent: bytes) -> None:
    async with wire(here.port) as connection:
        await connection.send(sent)
        connection.writer.write_eof()
        assert await connection.is_closed()


# Several on one connection


async def test_requests_in_one_packet_are_answered_in_order(here: Served) -> None:
    async with wire(here.port) as connection:
        posts = [POST + b'Content-Length: 14\r\n\r\n{"name":"n%02d"}' % number for number in range(20)]
        await connection.send(b"".join(posts))
        for number in range(20):
            assert b'"n%02d"' % number in (await connection.response()).body


async def test_a_flood_in_one_packet_is_answered_up_to_the_limit_and_then_refused(here: Served) -> None:
    async with wire(here.port) as connection:
        await connection.send((GET + b"\r\n") * 5000)
        answers = [await connection.response() for _ in range(LIMITS.pipelined + 2)]
        assert [answer.status for answer in answers] == [200] * (LIMITS.pipelined + 1) + [429]
        assert answers[-1].headers["retry-after"] == "1"
        assert answers[-1].error["retry_after_seconds"] == 1
        assert await connection.is_closed()


@pytest.mark.parametrize("bad", [b"\x01\x02\r\n\r\n", CHUNKED + b"zz\r\n", GET + b"X: " + b"a" * 50_000])
@pytest.mark.parametrize("good", [1, 3])
async def test_a_bad_request_behind_good_ones_waits_for_its_turn(here: Served, good: int, bad: bytes) -> None:
    async with wire(here.port) as connection:
        await connection.send(WHOLE_POST * good + bad)
        for _ in range(good):
            assert (await connection.response()).status == 200
        assert (await connection.response()).status in (400, 408)
        assert await connection.is_closed()


@pytest.mark.parametrize("megabytes", [1, 12])
async def test_a_client_that_sends_everything_first_reads_why_it_was_refused(here: Served, megabytes: int) -> None:
    def told() -> bytes:
        body = b" " * (megabytes * 1_000_000)
        with socket.create_connection(("127.0.0.1", here.port), timeout=10) as client:
            head = POST.replace(b"json", b"xml") + b"Content-Length: %d\r\n\r\n" % len(body)
            with suppress(ConnectionError):
                client.sendall(head + body)
            return client.recv(12)

    assert await asyncio.to_thread(told) in (b"HTTP/1.1 415", b"HTTP/1.1 413")
