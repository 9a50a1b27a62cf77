"""One line for each request: who asked for what, and how it ended. Never a query, a header or a body.

Same shape as the lines of config.logs and its allow-list of fields, written without structlog's chain, whose
redaction alone costs more than the rest of a small request: the fields are fixed here, and the only text that a
client chooses, the path, is masked here.
"""

import asyncio
from datetime import UTC, datetime
from typing import BinaryIO

import msgspec
from msgspec import UNSET, Struct, UnsetType

from api.http.exchange import Exchange
from config.logs import mask

FLUSH_SECONDS = 0.05
"""Lines wait so long for others to be written with them; a crash can lose as much."""

FLUSH_BYTES = 65536


class Line(Struct, frozen=True):
    timestamp: datetime
    level: str
    event: str
    process: str
    method: str
    path: str
    route: str
    status: int
    duration_ms: float
    request_id: str
    client: str | UnsetType = UNSET


class AccessLog:
    """Writes lines of level info and above; health is below, because whoever asks every second would bury the rest."""

    def __init__(self, stream: BinaryIO, level: str) -> None:
        self._stream = stream
        self._shows_info = level in ("debug", "info")
        self._shows_debug = level == "debug"
        self._encode = msgspec.json.Encoder().encode
        self._waiting = bytearray()
        self._timer: asyncio.TimerHandle | None = None

    def record(self, exchange: Exchange, seconds: float) -> None:
        if not (self._shows_debug or (self._shows_info and not exchange.quiet)):
            return
        scope = exchange.scope
        path, route, client = scope["path"], exchange.route, scope.get("client")
        self._waiting += self._encode(
            Line(
                datetime.now(UTC),
                "debug" if exchange.quiet else "info",
                "request",
                "api",
                exchange.method,
                path if path == route else mask(path),
                route,
                exchange.status,
                round(seconds * 1000, 3),
                exchange.request_id,
                client[0] if client else UNSET,
            )
        )
        self._waiting += b"\n"
        if len(self._waiting) > FLUSH_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            self._stream.write(self._waiting)
            self._stream.flush()
            self._waiting = bytearray()
