"""What is kept of each request: figures, and one line in the log. Never a query, a header or a body.

With a shared directory the figures of all processes are shown by each of them. A line has the shape of those of
config.logs and its allow-list of fields, written without structlog's chain, whose redaction alone costs more than the
rest of a small request: the fields are fixed here, and the only text that a client chooses, the path, is masked here.
"""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec
from msgspec import UNSET, Struct, UnsetType
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from api.http.exchange import Exchange
from config.logs import mask

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Observed(Protocol):
    def observe(self, amount: float) -> None: ...


class Metrics:
    """One per application. ``shared`` is the directory of ``metrics_dir``; prometheus_client must have been imported
    with PROMETHEUS_MULTIPROC_DIR set to it."""

    def __init__(self, shared: Path | None = None) -> None:
        self._shared = shared
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "loopctl_http_request_seconds",
            "Time to the answer, by route template; its count is the number of requests",
            ["method", "route", "status"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._refused = Counter(
            "loopctl_http_refused", "Connections refused below HTTP", ["code"], registry=self.registry
        )
        self._judged_locally = Counter(
            "loopctl_rate_limits_local",
            "Requests whose rate one process judged alone, because Redis did not answer or was not to be trusted",
            registry=self.registry,
        )
        self._bugs = Counter("loopctl_internal_errors", "Answers with status 500", registry=self.registry)
        # Finding a child by its labels costs more than counting in it.
        self._children: dict[tuple[str, str, int], _Observed] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        key = (method, route, status)
        child = self._children.get(key)
        if child is None:
            child = self._seconds.labels(method if method in METHODS else "other", route, str(status))
            if method in METHODS:
                self._children[key] = child
        child.observe(seconds)

    def refused(self, code: str) -> None:
        self._refused.labels(code).inc()

    def judged_locally(self) -> None:
        self._judged_locally.inc()

    def bug(self) -> None:
        self._bugs.inc()

    def text(self) -> bytes:
        """The exposition format, version 0.0.4."""
        if self._shared is None:
            return generate_latest(self.registry)
        collected = CollectorRegistry()
        MultiProcessCollector(collected, path=str(self._shared))  # type: ignore[no-untyped-call]  # the package's gap
        return generate_latest(collected)

    def process_ends(self) -> None:
        """Takes this process out of the figures that count only living ones."""
        if self._shared is not None:
            mark_process_dead(os.getpid(), str(self._shared))  # type: ignore[no-untyped-call]  # the package's gap


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
