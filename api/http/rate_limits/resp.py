"""As much of the Redis protocol as the limiter needs: commands of text and numbers, answers of status, error, numbers.

A general client takes 80 microseconds of processor time for a round trip (35 at best, with a parser in C and without
a pool); this takes 15. Whatever answer it does not know ends the connection.
"""

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from typing import cast

MOST_NUMBERS = 4096
LONGEST_ANSWER = 1 << 17
LONGEST_LINE = 1 << 10
NUMBERS = re.compile(rb"(?::-?[0-9]{1,19}\r\n)*")
NUMBER = re.compile(rb"-?[0-9]{1,19}")

Reply = str | int | list[int]


class Refused(Exception):
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


def parsed(buffer: bytes) -> tuple[Reply | Refused, int] | None:
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
        return Refused(line.decode("latin-1")), after
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
        """Raises Refused and Broken. Cancelled, it ends the connection: nobody waits for the answer."""
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

    def _answer(self, reply: Reply | Refused) -> None:
        if not self._waiting:
            raise Broken("an answer to nothing")
        waiting = self._waiting.popleft()
        if waiting.done():
            return
        if isinstance(reply, Refused):
            waiting.set_exception(reply)
        else:
            waiting.set_result(reply)
