"""Lines of standard input that are no messages: whoever sent one waits for an answer, and is told why there is none."""

import re
from types import TracebackType
from typing import Any, Self

import anyio
import mcp_types as types
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

VALUE = r'"id"\s*:\s*(?:(\d{1,15})|"([^"\\]{1,64})")\s*'
FIRST = re.compile(VALUE + ",")
LAST = re.compile(VALUE + r"}\s*$")
"""Where clients write the id of a request: before its params, or at the end. Elsewhere it may be something else's."""
SAID = (
    "This cannot be read: half a letter (\\ud800 to \\udfff alone), a number that is too long, or nested too deep. "
    "Say it without that."
)


class Readable:
    """What comes from ``read``, but for lines that cannot be read: those are answered through ``write``."""

    def __init__(self, read: Any, write: Any) -> None:
        self._read = read
        self._write = write

    async def receive(self) -> Any:
        while isinstance(item := await self._read.receive(), Exception):
            await self._tell(item)
        return item

    async def _tell(self, error: Exception) -> None:
        id_ = id_of(error)
        if id_ is not None:
            told = types.ErrorData(code=types.PARSE_ERROR, message=SAID)
            await self._write.send(SessionMessage(types.JSONRPCError(jsonrpc="2.0", id=id_, error=told)))

    async def aclose(self) -> None:
        await self._read.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        await self._read.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        done: bool | None = await self._read.__aexit__(kind, error, trace)
        return done

    @property
    def last_context(self) -> Any:
        """Where the library keeps whose message it is."""
        return getattr(self._read, "last_context", None)


def id_of(error: Exception) -> int | str | None:
    """Of the request, as far as it can be told: the library hands on the line that it could not read."""
    if not isinstance(error, ValidationError):
        return None
    (first, *_) = error.errors(include_url=False, include_context=False)
    if first["type"] != "json_invalid":
        return None
    line = str(first["input"])
    found = FIRST.search(line.partition('"params"')[0]) or LAST.search(line)
    if found is None:
        return None
    return int(found[1]) if found[1] else found[2]
