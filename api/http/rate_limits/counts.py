"""The script and the marks in Redis, over one connection that is made when it is needed.

A client for one script and one SET: answers of status, error and whole numbers, and the end of the connection for
everything else.
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Sequence
from hashlib import sha1
from typing import Any, Self, cast

from redis.asyncio.connection import SSLConnection, parse_url

from api.http.rate_limits.script import SCRIPT

MOST_NUMBERS = 4096
LONGEST_ANSWER = 1 << 17
LONGEST_LINE = 1 << 10
NUMBERS = re.compile(rb"(?::-?[0-9]{1,19}\r\n)*")
NUMBER = re.compile(rb"-?[0-9]{1,19}")

Reply = str | int | list[int]


class ErrorReply(Exception):
    """Redis answered with an error: its text."""


class Broken(Exception):
    """The connection ended, or something came that is no answer."""


def command(words: Sequence[str | int]) -> bytes:
    parts = [f"*{len(words)}\r\n"]
    for word in words:
        text = word if isinstance(word, str) else str(word)
        size = len(text) if text.isascii() else len(text.encode())  # a password may be anything
        parts.append(f"${size}\r\n{text}\r\n")
    return "".join(parts).encode()


def parsed(buffer: bytes) -> tuple[Reply | ErrorReply, int] | None:
    """The first answer and where it ends; None when it is not whole yet. Raises Broken."""
    end = buffer.find(b"\r\n")
    if end < 0:
        if len(buffer) > LONGEST_LINE:
            raise Broken("a line without an end")
        return None
    kind, line, after = buffer[:1], buffer[1:end], end + 2
    if kind == b"+":
        return line.decode("latin-1"), after
    if kind == b"-":
        return ErrorReply(line.decode("latin-1")), after
    if not NUMBER.fullmatch(line):
        raise Broken("no number")
    number = int(line)
    if kind == b":":
        return number, after
    if kind == b"*" and 0 <= number <= MOST_NUMBERS:
        return _numbers(buffer, after, number)
    raise Broken("an answer of another kind")


def _numbers(buffer: bytes, start: int, count: int) -> tuple[list[int], int] | None:
    lines = buffer[start:].split(b"\r\n", count)
    if len(lines) <= count:
        # Not whole; but what is there must be the beginning of numbers, or nobody would notice before the time is up.
        if not all(NUMBERS.fullmatch(line + b"\r\n") for line in lines[:-1]):
            raise Broken("something else than numbers")
        return None
    end = len(buffer) - len(lines[-1])
    if not NUMBERS.fullmatch(buffer, start, end):
        raise Broken("something else than numbers")
    return [int(line[1:]) for line in lines[:-1]], end


class Wire(asyncio.Protocol):
    """One connection. Answers come in the order of the commands."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._loop = asyncio.get_running_loop()

    @property
    def open(self) -> bool:
        return self._transport is not None

    async def ask(self, sent: bytes) -> Reply:
        """Raises ErrorReply and Broken. Cancelled, it ends the connection: nobody waits for the answer."""
        if self._transport is None:
            raise Broken("closed")
        reply: asyncio.Future[Reply] = self._loop.create_future()
        self._waiting.append(reply)
        self._transport.write(sent)
        try:
            return await reply
        except asyncio.CancelledError:
            self.end()
            raise

    def end(self, reason: str = "closed") -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            if not each.done():
                each.set_exception(Broken(reason))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        try:
            self._read()
        except Broken as error:
            self.end(str(error))

    def connection_lost(self, _: Exception | None) -> None:
        self.end("lost")

    def _read(self) -> None:
        while self._buffer and self._transport is not None:
            found = parsed(self._buffer)
            if found is None:
                break
            self._answer(found[0])
            self._buffer = self._buffer[found[1] :]
        if len(self._buffer) > LONGEST_ANSWER:
            raise Broken("an answer without an end")

    def _answer(self, reply: Reply | ErrorReply) -> None:
        if not self._waiting:
            raise Broken("an answer to nothing")
        waiting = self._waiting.popleft()
        if waiting.done():
            return
        if isinstance(reply, ErrorReply):
            waiting.set_exception(reply)
        else:
            waiting.set_result(reply)


DEFAULT_PORT = 6379


class Unreachable(Exception):
    """Redis did not answer, or refused."""


class RedisCounts:
    """Its methods raise Unreachable, and do not mind the time: whoever stops waiting ends the connection."""

    def __init__(self, url: str, script: str = SCRIPT) -> None:
        """Raises ValueError for an address that redis-py could not read either."""
        self._address: dict[str, Any] = dict(parse_url(url))
        self._script = script
        self._digest = sha1(script.encode(), usedforsecurity=False).hexdigest()
        self._wire: Wire | None = None
        self._closed = False
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed = True
        if self._wire is not None:
            self._wire.end()

    async def run(self, keys: Sequence[str], arguments: Sequence[int]) -> object:
        """What the script answers."""
        try:
            wire = await self._connected()
            try:
                return await wire.ask(command(["EVALSHA", self._digest, len(keys), *keys, *arguments]))
            except ErrorReply as refusal:
                if not str(refusal).startswith("NOSCRIPT"):
                    raise
            return await wire.ask(command(["EVAL", self._script, len(keys), *keys, *arguments]))
        except (Broken, ErrorReply, OSError) as error:
            raise Unreachable from error

    async def put(self, key: str, value: int, seconds: int) -> None:
        try:
            wire = await self._connected()
            await wire.ask(command(["SET", key, value, "EX", seconds]))
        except (Broken, ErrorReply, OSError) as error:
            raise Unreachable from error

    async def _connected(self) -> Wire:
        if self._wire is not None and self._wire.open:
            return self._wire
        async with self._connecting:
            if self._closed:
                raise Broken("closed")
            if self._wire is None or not self._wire.open:
                self._wire = await self._opened()
            return self._wire

    async def _opened(self) -> Wire:
        wire = await self._dialled()
        try:
            for words in self._greeting():
                await wire.ask(command(words))
        except BaseException:
            wire.end()
            raise
        return wire

    async def _dialled(self) -> Wire:
        loop, address = asyncio.get_running_loop(), self._address
        if "path" in address:
            return (await loop.create_unix_connection(Wire, address["path"]))[1]
        secure = _tls(address) if issubclass(address.get("connection_class", object), SSLConnection) else None
        host, port = address.get("host", "localhost"), address.get("port", DEFAULT_PORT)
        return (await loop.create_connection(Wire, host, port, ssl=secure))[1]

    def _greeting(self) -> list[list[str | int]]:
        words: list[list[str | int]] = []
        if password := self._address.get("password"):
            user = self._address.get("username")
            words.append(["AUTH", user, password] if user else ["AUTH", password])
        if database := self._address.get("db"):
            words.append(["SELECT", int(database)])
        return words


def _tls(address: dict[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=address.get("ssl_ca_certs"))
    if str(address.get("ssl_cert_reqs")) == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate := address.get("ssl_certfile"):
        context.load_cert_chain(certificate, address.get("ssl_keyfile"))
    return context
