"""What the followers of the logs count. Unsigned age is the lag of ``tree_heads`` in seconds."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

from workers.lag import Lag


class FollowerMetrics:
    """One per process. The gauges are of the last full round of polling."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, meaning: str) -> Gauge:
            return Gauge(name, meaning, ["follower"], registry=registry, multiprocess_mode="livemostrecent")

        self._seconds = gauge("loopctl_follower_lag_seconds", "How long the oldest event has waited")
        self._events = gauge("loopctl_follower_lag_events", "Events not taken in")
        self._logs = gauge("loopctl_follower_lag_logs", "Logs with such events")
        self._looks = Counter(
            "loopctl_follower_looks", "Looks at a log, by how", ["follower", "outcome"], registry=registry
        )
        self._refused = Counter("loopctl_tree_heads_refused", "Heads not signed, by why", ["reason"], registry=registry)
        self._wakeups = Counter("loopctl_follower_wakeups", "Logs announced through Redis", registry=registry)

    def measured(self, lags: Mapping[str, Lag]) -> None:
        for name, lag in lags.items():
            self._seconds.labels(name).set(lag.seconds)
            self._events.labels(name).set(lag.events)
            self._logs.labels(name).set(lag.logs)

    def looked(self, follower: str, outcome: str) -> None:
        self._looks.labels(follower, outcome).inc()

    def head_refused(self, reason: str) -> None:
        self._refused.labels(reason).inc()

    def woken(self) -> None:
        self._wakeups.inc()
