"""Sends one request to one address: looked up once, judged, and connected to as judged.

There is one look-up, so a name that changes its mind has nothing to change. Redirects are answers like others, no proxy
is asked, no connection is kept, and an answer is read up to a limit of bytes and seconds.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import httpcore2
from msgspec import Struct

from egress.destination import (
    LONGEST_URL,
    Destination,
    EgressRefused,
    Rules,
    check_addresses,
    check_spelling,
    parse_destination,
)

LOOKUP_SECONDS = 2.0
CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 15.0
LARGEST_ANSWER = 65_536
LOOKUPS_AT_ONCE = 16

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Addresses of a host, as text; none when there is no such name."""


class Answered(Struct, frozen=True):
    """Header names in lower case; of the body nothing is kept. ``seconds`` from the look-up to the last byte."""

    status: int
    headers: Mapping[str, str]
    seconds: float


class Received(Struct, frozen=True):
    """The same with its body; ``cut`` when that is longer than was asked for, and only its beginning is here."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool


class Wish(Struct, frozen=True):
    """What to send where."""

    method: Literal["GET", "POST"]
    url: str
    headers: Mapping[str, str] = {}
    body: bytes = b""
    longest_url: int = LONGEST_URL


class SendFailed(Exception):
    """No whole answer came. ``outcome``: what of the request the other side has seen is unknown."""

    def __init__(self, kind: Literal["timeout", "connection_error", "tls_error"], seconds: float) -> None:
        super().__init__(kind)
        self.kind = kind
        self.seconds = seconds


class Resolver:
    """Of the operating system, with threads of its own: a look-up that hangs must not hold up anything else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS_AT_ONCE, thread_name_prefix="lookup")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _look_up, host, port)
        except (OSError, UnicodeError):
            return ()
        return [str(address[0]) for *_, address in found]


def _look_up(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Egress:
    """``connecting`` makes the connections, to literal addresses only."""

    def __init__(
        self, rules: Rules, resolve: Resolve | None = None, connecting: httpcore2.AsyncNetworkBackend | None = None
    ) -> None:
        self._rules = rules
        self._resolve = resolve or Resolver()
        self._connecting = connecting or httpcore2.AnyIOBackend()
        self._tls: ssl.SSLContext | None = None

    async def check(self, url: str) -> Destination:
        """Whether a request could go there as things are. Raises EgressRefused."""
        destination = parse_destination(self._rules, url)
        if self._rules.lookup:
            check_addresses(self._rules, destination, await self._addresses(destination))
        else:
            check_spelling(self._rules, destination)
        return destination

    async def problem(self, url: str) -> str | None:
        """What speaks against it; None for nothing."""
        try:
            await self.check(url)
        except EgressRefused as refusal:
            return refusal.problem
        return None

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, total_seconds: float = TOTAL_SECONDS
    ) -> Answered:
        """Raises EgressRefused, SendFailed."""
        began = time.monotonic()
        received = await self.exchange(Wish("POST", url, headers, body), LARGEST_ANSWER, total_seconds)
        return Answered(received.status, received.headers, time.monotonic() - began)

    async def exchange(self, wish: Wish, most_bytes: int, total_seconds: float = TOTAL_SECONDS) -> Received:
        """Of a body that is longer than ``most_bytes`` no more is read. Raises EgressRefused, SendFailed."""
        began = time.monotonic()
        destination = parse_destination(self._rules, wish.url, wish.longest_url)
        try:
            async with asyncio.timeout(total_seconds):
                return await self._send(destination, wish, most_bytes)
        except (TimeoutError, httpcore2.TimeoutException) as error:
            raise SendFailed("timeout", time.monotonic() - began) from error
        except (OSError, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise SendFailed(
                "tls_error" if _is_of_tls(error) else "connection_error", time.monotonic() - began
            ) from error

    async def _send(self, destination: Destination, wish: Wish, most_bytes: int) -> Received:
        host = f"[{destination.host}]" if ":" in destination.host else destination.host
        url = httpcore2.URL(
            scheme=destination.scheme.encode(), host=destination.host.encode(), port=destination.port,
            target=destination.target.encode(),
        )  # fmt: skip
        connection = httpcore2.AsyncHTTPConnection(
            httpcore2.Origin(url.scheme, url.host, destination.port),
            ssl_context=self._context() if destination.scheme == "https" else None,
            network_backend=_Pinned(self, destination),
        )
        default = destination.port == {"https": 443, "http": 80}[destination.scheme]
        sent = {
            "Host": host if default else f"{host}:{destination.port}", "Accept-Encoding": "identity",
            "Connection": "close", **({} if wish.method == "GET" else {"Content-Length": str(len(wish.body))}),
            **wish.headers,
        }  # fmt: skip
        request = httpcore2.Request(
            wish.method, url, headers=[(name.encode(), value.encode()) for name, value in sent.items()],
            content=wish.body,
            extensions={"timeout": {"connect": CONNECT_SECONDS}},
        )  # fmt: skip
        try:
            answer = await connection.handle_async_request(request)
            try:
                body, cut = await _read(answer, most_bytes)
            finally:
                await answer.aclose()
        finally:
            await connection.aclose()
        said = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
        return Received(answer.status, said, body, cut)

    async def _addresses(self, destination: Destination) -> Sequence[str]:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                return await self._resolve(destination.host, destination.port)
        except TimeoutError:
            return ()

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = httpcore2.default_ssl_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    async def connect(self, destination: Destination) -> httpcore2.AsyncNetworkStream:
        """To the first of the addresses that answers. Raises EgressRefused before anything is connected."""
        addresses = check_addresses(self._rules, destination, await self._addresses(destination))
        async with asyncio.timeout(CONNECT_SECONDS):
            for address in addresses[:-1]:
                try:
                    return await self._connecting.connect_tcp(str(address), destination.port)
                except httpcore2.ConnectError:
                    continue
            return await self._connecting.connect_tcp(str(addresses[-1]), destination.port)


class _Pinned(httpcore2.AsyncNetworkBackend):
    """Whatever it is asked to connect to, it connects to the destination, after a look at its addresses."""

    def __init__(self, egress: Egress, destination: Destination) -> None:
        self._egress = egress
        self._destination = destination

    async def connect_tcp(self, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        return await self._egress.connect(self._destination)

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        raise EgressRefused("must be an address on the public network")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _read(answer: httpcore2.Response, most_bytes: int) -> tuple[bytes, bool]:
    """To the end, or to the limit: what comes after it changes nothing about the status."""
    read = bytearray()
    async for part in answer.aiter_stream():
        read += part
        if len(read) > most_bytes:
            return bytes(read[:most_bytes]), True
    return bytes(read), False


def _is_of_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


__all__ = ["Answered", "Egress", "EgressRefused", "Received", "Resolve", "SendFailed", "Wish"]
