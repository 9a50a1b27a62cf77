"""A large answer that is made whole before any of it is sent, so that it is of one moment, whatever its reader does."""

import asyncio
import weakref
import zlib
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import Any

from litestar import Response
from litestar.response import Stream

from api.http.refusal import Refused

PIECE_BYTES = 256 * 1024
IN_MEMORY_BYTES = 1024 * 1024
"""Of what is compressed; more goes to a file without a name, and to none of this process's memory."""
FASTEST = 1
LENGTH_BYTES = 4


class Spool:
    """First all is added, then it is read once. Over when nobody reads it any more."""

    def __init__(self) -> None:
        self.size = 0
        self._file = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115  # closed with this object
        weakref.finalize(self, self._file.close)
        self._waiting = bytearray()

    async def add(self, text: bytes) -> None:
        """Raises Refused when the disk is full."""
        self.size += len(text)
        self._waiting += text
        if len(self._waiting) >= PIECE_BYTES:
            await self._write()

    async def answer(self, media_type: str) -> Response[Any]:
        """Raises Refused when the disk is full."""
        await self._write()
        headers = {"Content-Length": str(self.size)}
        return Stream(self._pieces(), media_type=media_type, headers=headers)

    async def _pieces(self) -> AsyncIterator[bytes]:
        self._file.seek(0)
        while piece := await asyncio.to_thread(self._unpacked):
            yield piece

    async def _write(self) -> None:
        text, self._waiting = self._waiting, bytearray()
        try:
            await asyncio.to_thread(self._packed, text)
        except OSError:
            no_room = "There is no room for so large an answer now."
            raise Refused("overloaded", no_room, headers={"Retry-After": "30"}) from None

    def _unpacked(self) -> bytes:
        length = int.from_bytes(self._file.read(LENGTH_BYTES))
        return zlib.decompress(self._file.read(length)) if length else b""

    def _packed(self, text: bytearray) -> None:
        whole = memoryview(text)
        for start in range(0, len(whole), PIECE_BYTES):
            packed = zlib.compress(whole[start : start + PIECE_BYTES], FASTEST)
            self._file.write(len(packed).to_bytes(LENGTH_BYTES) + packed)
