"""What uvicorn's HTTP protocol leaves open: bounds on headers, address, time, framing and connections.

uvicorn 0.54 has no limit for the time or the size of a header block, buffers an unfinished header without end, starts
any number of pipelined requests, appends chunk trailers to the headers of a request that is already running, and
answers bad HTTP in plain text, in the middle of another answer if one is being written.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api.http.errors import Failure, failure_of, render
from api.http.exchange import CUT, ENDLESS, WHOLE_ANSWER, announced, merged
from api.http.identifiers import request_id
from api.http.limits import Limits
from api.http.negotiation import wants_problem
from api.http.newcomers import Newcomers
from api.http.refusal import Header, Refused

IDLE, HEADERS, BODY = range(3)
PROBES = ("/livez", "/health")
"""What tells whether this process is well must not wait for others."""

COMMON = b"connection: close\r\nx-content-type-options: nosniff\r\ncache-control: no-store\r\n"


class GuardedProtocol(HttpToolsProtocol):
    """One connection. ``sweep`` must be called several times a second: all of its clocks are in there."""

    def __init__(
        self, *arguments: Any, limits: Limits, refused: Callable[[str], None], newcomers: Newcomers, **named: Any
    ) -> None:
        super().__init__(*arguments, **named)
        self._limits = limits
        self._newcomers: Newcomers | None = newcomers
        """None as soon as it is none."""
        self._count_refusal = refused
        self._phase = IDLE
        self._advanced = False
        """A header block, a piece of body or a message was completed within the bytes of the last read."""
        self._header_bytes = 0
        self._unfinished_bytes = 0
        """Reads in a row that completed nothing: what the parser keeps to itself until it is whole."""
        self._host_headers = 0
        self._headers_since: float | None = None
        self.asked_since = 0.0
        """Since when the client has had the turn: its connection, or the end of the last answer."""
        self._writing_since: float | None = None
        self._closing_since: float | None = None
        self._deaf = False
        """Nothing that still arrives is looked at."""
        self._lingering = False
        """A refusal is out, and the client has a moment to read it."""
        self._answering: RequestResponseCycle | None = None
        """The request under way; those behind it wait for their turn."""
        self._silent = False
        """The client has said that it will ask no more."""
        self._endless = False
        """The answer under way goes on for as long as the client is there."""
        # Bound to the connection and not to one request, or each request would be garbage that refers to itself.
        self._extensions: dict[str, Any] = {WHOLE_ANSWER: self._whole_answer, CUT: self._cut, ENDLESS: self._goes_on}
        self._dated: list[tuple[bytes, bytes]] | None = None
        self._date_line = b""
        self._answer_later: bytes | None = None
        """A refusal whose turn has not come: earlier requests of the connection are still being answered."""

    # From the transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._headers_since = self.asked_since = self.loop.time()
        if len(self.connections) > self._limits.connections and not self._another_gives_way():
            self._refuse(Refused("overloaded", headers={"Retry-After": "1"}))

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        self._advanced = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._close_after_answer()
        except httptools.HttpParserError as error:
            reason = error.__context__
            self._refuse(reason if isinstance(reason, Refused) else Refused("bad_request", "Bad Request: not HTTP/1.1"))
        else:
            self._measure(len(data))

    def connection_lost(self, exc: Exception | None) -> None:
        """uvicorn tells the newest request alone, behind which another may be under way."""
        answering = self._answering
        if answering is not None and not answering.response_complete:
            answering.disconnected = True
            answering.message_event.set()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]  # as asyncio has it
        """A client may say that it has no more to ask and still read the answer, unless that has no end."""
        if self._endless:
            return False
        self._silent = True
        waiting = self.cycle is not None and not self.cycle.response_complete and self._phase == IDLE
        if waiting:
            self._deaf = True
            self.cycle.keep_alive = False
        return waiting

    def pause_writing(self) -> None:
        super().pause_writing()
        self._writing_since = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._writing_since = None

    # From the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._phase = HEADERS
        self._header_bytes = 0
        self._host_headers = 0

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > self._limits.url_bytes:
            raise Refused("uri_too_long")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._phase != HEADERS:
            return  # a trailer: the request is already running, and nobody reads it
        self._header_bytes += len(name) + len(value) + 4
        if self._header_bytes > self._limits.header_bytes:
            raise Refused("headers_too_large")
        name = name.lower()
        if name == b"host":
            self._host_headers += 1
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        version = self.parser.get_http_version()
        if self._host_headers != 1 and (self._host_headers or version == "1.1"):
            raise Refused("bad_request", "Bad Request: one Host header is needed")
        if version not in ("1.1", "1.0"):
            raise Refused("bad_request", "Bad Request: not HTTP/1.1")
        if self.parser.should_upgrade() and announced(dict(self.headers)):
            # The parser would take the body for the first bytes of the other protocol, and we would see none.
            raise Refused("bad_request", "Bad Request: a request with a body cannot ask for another protocol")
        if len(self.pipeline) >= self._limits.pipelined:
            reason = "Too many requests at once on one connection"
            raise Refused("rate_limited", reason, headers={"Retry-After": "1"}, retry_after_seconds=1)
        super().on_headers_complete()
        self.scope["extensions"] = self._extensions
        self._phase = BODY
        self._advanced = True
        self._headers_since = None

    def on_body(self, body: bytes) -> None:
        self._advanced = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._phase = IDLE
        self._advanced = True

    def on_response_complete(self) -> None:
        last = not self.pipeline
        self.asked_since = self.loop.time()
        self._endless = False
        super().on_response_complete()
        if last and self._answer_later is not None:
            self._write_and_close(self._answer_later)

    @property
    def waits_for(self) -> int | None:
        """What of the client this connection waits for: IDLE or HEADERS for a request, BODY for the rest of one or for
        an answer to be read; None while it is our turn, or over."""
        if self._closing_since is not None or self.transport.is_closing():
            return None
        if self.cycle is None or self.cycle.response_complete:
            return self._phase
        return BODY if self._phase != IDLE or self._writing_since is not None else None

    # From the server

    def shutdown(self) -> None:
        """A request that comes on an idle connection from now on is told to go elsewhere."""
        if self.cycle is not None and not self.cycle.response_complete:
            super().shutdown()
            return
        self.app = _stopping
        self._unset_keepalive_if_required()
        # Who has just connected is about to ask; who has had an answer may never ask again.
        grace = self._limits.linger_seconds if self.cycle is None else self._limits.linger_seconds / 4
        self.timeout_keep_alive_task = self.loop.call_later(grace, self.timeout_keep_alive_handler)

    def sweep(self, now: float) -> None:
        limits = self._limits
        if self._closing_since is not None:
            if now - self._closing_since > (limits.linger_seconds if self._lingering else limits.write_seconds):
                self.transport.abort()
        elif self.transport.is_closing():
            self._closing_since = now  # until what was written is read, and no longer than a reader may take
        elif self._headers_since is not None and now - self._headers_since > limits.header_seconds:
            self._headers_late()
        elif self._writing_since is not None and now - self._writing_since > limits.write_seconds:
            self.transport.abort()

    # From the application

    def _whole_answer(self, scope: Any, status: int, head: bytes, body: bytes, *, closes: bool) -> bool:
        """What RequestResponseCycle.send does in two steps and with two checks of each header, which are ours here."""
        cycle = self.cycle
        if cycle.scope is not scope or cycle.response_started or self.flow.write_paused:
            return False  # another request waits behind this one, or the client is slow to read
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        if cycle.disconnected:
            return True
        if cycle.default_headers is not self._dated:
            self._dated = cycle.default_headers
            self._date_line = b"".join([b"%b: %b\r\n" % header for header in self._dated])
        cycle.keep_alive = cycle.keep_alive and not closes
        end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        self.transport.write(b"%b%b%b%b%b" % (STATUS_LINE[status], self._date_line, head, end, body))
        unread = closes and self._phase == BODY
        if not cycle.keep_alive and not unread:
            self.transport.close()
        cycle.on_response()
        if unread:
            self._deaf = True
            self._linger()
            self.flow.pause_reading()  # the rest may be megabytes, which would cost others their time
        return True

    def _goes_on(self) -> None:
        self._endless = True
        if self._silent:
            self._cut()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        newcomers, self._newcomers = self._newcomers, None
        if newcomers is None or cycle.scope["path"] in PROBES:
            super()._start_asgi_task(cycle, app)
        else:
            newcomers.begin(partial(super()._start_asgi_task, cycle, app))

    # How a connection ends

    def _another_gives_way(self) -> bool:
        """Connections that nobody asks on cost their holder nothing, and would keep everybody else out: the one that
        has waited longest for its client ends, of those with a request under way only when all have one."""
        others = [each for each in self.connections if isinstance(each, GuardedProtocol) and each is not self]
        waiting = [each for each in others if each.waits_for is not None]
        if not waiting:
            return False
        min(waiting, key=lambda each: (each.waits_for == BODY, each.asked_since)).give_way()
        return True

    def give_way(self) -> None:
        self._count_refusal("overloaded")
        self._deaf = True
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.abort()

    def _cut(self) -> None:
        self._deaf = True
        self.cycle.disconnected = True
        self.transport.abort()

    def _measure(self, length: int) -> None:
        """The parser shows a header, a trailer or a chunk's extensions only when they are whole, if ever."""
        if self._advanced:
            self._unfinished_bytes = 0
            if self._phase == HEADERS:
                self._headers_since = self.loop.time()
            return
        self._unfinished_bytes += length
        if self._phase == BODY:
            if self._unfinished_bytes > self._limits.framing_bytes:
                self._refuse(Refused("bad_request", "Bad Request: chunks without a body"))
            return
        self._headers_since = self._headers_since or self.loop.time()
        if self._unfinished_bytes > self._limits.header_bytes + self._limits.url_bytes:
            self._refuse(Refused("headers_too_large"))

    def _headers_late(self) -> None:
        self._headers_since = None
        if self._phase == IDLE and self._unfinished_bytes == 0:
            self.transport.close()  # nothing was asked, so there is nothing to answer
        else:
            self._refuse(Refused("request_timeout"))

    def _close_after_answer(self) -> None:
        """The client asked for another protocol, which it does not get; what follows is not for this parser."""
        self._deaf = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, reason: Refused) -> None:
        """Answers in turn, then closes. Nothing that arrives afterwards is looked at."""
        self._deaf = True
        self._count_refusal(reason.code)
        # Between two requests the parser's headers are still those of the one before.
        answer = _encoded(reason, self.headers if self._phase != IDLE else ())
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._write_and_close(answer)
        elif self._phase != BODY:
            self._answer_later = answer
        elif self.pipeline:
            self.pipeline.popleft()  # the request that broke off; the ones before it are whole
            self._answer_later = answer
        else:
            cycle.disconnected = True
            cycle.waiting_for_100_continue = False  # or the application's first look at the body writes after the end
            cycle.message_event.set()
            self._write_and_close(b"" if cycle.response_started else answer)

    def _write_and_close(self, answer: bytes) -> None:
        """Closing at once would reset a connection whose bytes were not all read, and the answer would be lost."""
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        self.transport.write(answer)
        self._linger()

    def _linger(self) -> None:
        self._unset_keepalive_if_required()
        self._lingering = True
        self._closing_since = self.loop.time()
        if self.transport.can_write_eof():
            self.transport.write_eof()


def _encoded(reason: Refused, asked: Sequence[Header]) -> bytes:
    failure, headers, body = _rendered(reason, asked)
    head = b"".join(b"%b: %b\r\n" % header for header in headers)
    return b"%b%b%b\r\n%b" % (STATUS_LINE[failure.status], head, COMMON, body)


def _rendered(reason: Refused, asked: Sequence[Header]) -> tuple[Failure, list[Header], bytes]:
    """``asked`` are the request's headers, as far as they are known."""
    failure = failure_of(reason)
    known = merged(asked)
    body, kind = render(failure, problem=wants_problem(known.get(b"accept", b"")))
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    headers.append((b"x-request-id", request_id(known.get(b"x-request-id")).encode()))
    headers += [(name.lower().encode(), value.encode()) for name, value in failure.headers.items()]
    return failure, headers, body


async def _stopping(scope: Any, _receive: Any, send: Any) -> None:
    """In the application's place once the server is being stopped."""
    failure, headers, body = _rendered(Refused("stopping", headers={"Retry-After": "1"}), scope["headers"])
    headers += [(b"connection", b"close"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": failure.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
