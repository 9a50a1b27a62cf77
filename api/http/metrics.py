"""What the API counts. With a shared directory the figures of all processes are shown by each of them."""

import os
from pathlib import Path
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"
"""The route of every path that there is not: a client must not be able to make a time series."""


class _Observed(Protocol):
    def observe(self, amount: float) -> None: ...


class Metrics:
    """One per application. ``shared`` is the directory of ``metrics_dir``; prometheus_client must have been imported
    with PROMETHEUS_MULTIPROC_DIR set to it."""

    def __init__(self, shared: Path | None = None) -> None:
        self._shared = shared
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "loopctl_http_request_seconds",
            "Time to the answer, by route template; its count is the number of requests",
            ["method", "route", "status"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._refused = Counter(
            "loopctl_http_refused", "Connections refused below HTTP", ["code"], registry=self._registry
        )
        self._bugs = Counter("loopctl_internal_errors", "Answers with status 500", registry=self._registry)
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

    def bug(self) -> None:
        self._bugs.inc()

    def text(self) -> bytes:
        """The exposition format, version 0.0.4."""
        if self._shared is None:
            return generate_latest(self._registry)
        collected = CollectorRegistry()
        MultiProcessCollector(collected, path=str(self._shared))  # type: ignore[no-untyped-call]  # the package's gap
        return generate_latest(collected)

    def process_ends(self) -> None:
        """Takes this process out of the figures that count only living ones."""
        if self._shared is not None:
            mark_process_dead(os.getpid(), str(self._shared))  # type: ignore[no-untyped-call]  # the package's gap
