"""Connections of which one side is shut while the other still speaks."""

import itertools
from contextlib import suppress
from typing import Any

import pytest

from api.http.limits import Limits
from api.http.protocol import GuardedProtocol
from api.http.refusal import Refused
from tests.api.asgi import echo, made
from tests.api.served import BODY, GET, POST, WHOLE_POST, Served, served, wire

LIMITS = Limits(
    header_seconds=0.4, body_seconds=0.4, idle_seconds=1.0, linger_seconds=0.3, write_seconds=0.5, connections=200
)
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
EXPECTING = POST + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECES = (
    GET, GET + b"\r\n", WHOLE_POST, WHOLE_POST[:-5], CHUNKED + b"5\r\n{", CHUNKED + b"zz\r\n", EXPECTING,
    EXPECTING + b"zz\r\n", POST + b"Expect: 100-continue\r\nContent-Length: 24\r\n\r\n" + BODY, b"BAD\r\n\r\n",
)  # fmt: skip


async def bugs(here: Served) -> float:
    """Answers with status 500 so far, and tracebacks of the application with them."""
    async with wire(here.port) as connection:
        await connection.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        text = (await connection.response()).body.decode()
    (line,) = (line for line in text.splitlines() if line.startswith("loopctl_internal_errors_total "))
    return float(line.split()[1])


@pytest.mark.parametrize("pause", [0.0, 0.01])
async def test_wherever_a_client_stops_speaking_the_connection_ends_without_a_bug(pause: float) -> None:
    async with served(made(echo, limits=LIMITS), LIMITS) as here:
        for pieces in itertools.product(PIECES, repeat=2):
            async with wire(here.port) as connection:
                await connection.send(*pieces, pause=pause)
                with suppress(OSError):
                    connection.writer.write_eof()
                while not await connection.is_closed():
                    continue
        assert await bugs(here) == 0


async def test_who_waits_for_a_sign_to_go_on_and_sends_no_body_gets_the_refusal_alone() -> None:
    async with served(made(echo, limits=LIMITS), LIMITS) as here, wire(here.port) as connection:
        await connection.send(EXPECTING + b"zz\r\n")
        assert (await connection.response()).status == 400
        assert await connection.is_closed()
        assert await bugs(here) == 0


class Forgets(GuardedProtocol):
    """Lets the application ask for a body on a connection that has been ended on our side."""

    def _refuse(self, reason: Refused) -> None:
        waits = self.cycle is not None and self.cycle.waiting_for_100_continue
        super()._refuse(reason)
        if self.cycle is not None:
            self.cycle.waiting_for_100_continue = waits


async def test_a_protocol_that_forgets_that_it_has_said_goodbye_would_be_caught() -> None:
    """The control."""
    async with served(made(echo, limits=LIMITS), LIMITS, protocol=Forgets) as here, wire(here.port) as connection:
        await connection.send(EXPECTING + b"zz\r\n")
        assert (await connection.response()).status == 400
        assert await bugs(here) > 0


@pytest.mark.parametrize("unfinished", [WHOLE_POST[:-5], CHUNKED + b"5\r\n{"])
async def test_nothing_behind_a_request_whose_end_is_in_doubt_is_begun(unfinished: bytes) -> None:
    """Nor its answer written behind the end of the connection."""
    begun: list[str] = []
    app = made(echo, limits=LIMITS)

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            begun.append(scope["path"])
        await app(scope, receive, send)

    counting.limits, counting.refused = app.limits, app.refused  # type: ignore[attr-defined]  # as the shell has them
    twice = GET + b"Authorization: a\r\nAuthorization: b\r\n\r\n"
    async with served(counting, LIMITS) as here:
        async with wire(here.port) as connection:
            await connection.send(twice + WHOLE_POST + unfinished)
            refused = await connection.response()
            assert (refused.status, refused.headers["connection"]) == (400, "close")
            assert await connection.is_closed()
        assert begun == ["/livez"]
        assert await bugs(here) == 0
