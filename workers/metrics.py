"""What the worker counts. In multiprocess mode the values live in files of ``metrics_dir`` and the API shows them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.multiprocess import mark_process_dead

from config.settings import Settings
from workers.scheduler import Round

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class JobMetrics:
    """One per process: prometheus_client decides when it is first imported whether it shares files."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._jobs = Counter("loopctl_jobs", "Jobs that ended, by how", ["actor", "outcome"], registry=registry)
        self._seconds = Histogram(
            "loopctl_job_seconds", "How long jobs took", ["actor"], buckets=BUCKETS, registry=registry
        )
        self._ticks = Counter("loopctl_scheduler_ticks", "Ticks claimed", ["job"], registry=registry)
        self._rounds = Counter("loopctl_scheduler_rounds", "Looks at the clock", ["role"], registry=registry)
        self._wakeups = Counter("loopctl_scheduler_wakeups", "Wake-ups for runs", ["reason"], registry=registry)
        self._abandoned = Counter("loopctl_scheduler_abandoned", "Runs given up", ["job"], registry=registry)
        self._logs = Counter(
            "loopctl_log_checks", "Looks at a tenant's log, by what was found", ["verdict", "check"], registry=registry
        )
        self._depth = Gauge(
            "loopctl_queue_depth",
            "Messages that wait",
            ["queue"],
            registry=registry,
            multiprocess_mode="livemostrecent",
        )

    def job_ended(self, actor: str, outcome: str, seconds: float) -> None:
        self._jobs.labels(actor, outcome).inc()
        self._seconds.labels(actor).observe(seconds)

    def round_seen(self, seen: Round) -> None:
        self._rounds.labels("leader" if seen.leader else "follower").inc()
        self._wakeups.labels("claimed").inc(len(seen.claimed))
        self._wakeups.labels("swept").inc(len(seen.swept))
        self._wakeups.labels("unsent").inc(seen.unsent)
        for wakeup in seen.claimed:
            self._ticks.labels(wakeup.kind).inc()
        for wakeup in seen.abandoned:
            self._abandoned.labels(wakeup.kind).inc()

    def log_checked(self, verdict: str, check: str) -> None:
        self._logs.labels(verdict, check).inc()

    def queue_measured(self, queue: str, waiting: int) -> None:
        self._depth.labels(queue).set(waiting)


@contextmanager
def served_metrics(settings: Settings, port: int | None) -> Iterator[None]:
    """Through the shared files when there is a ``metrics_dir``, else on ``port`` of the loopback interface."""
    if settings.metrics_dir:
        try:
            yield
        finally:
            mark_process_dead(os.getpid(), str(settings.metrics_dir))  # type: ignore[no-untyped-call]  # has no types
    elif port is not None:
        server, thread = start_http_server(port, addr="127.0.0.1", registry=REGISTRY)
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
    else:
        yield
