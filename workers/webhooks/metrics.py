"""What deliveries count."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

OUTCOMES = {"delivered": "delivered", "pending": "retry", "exhausted": "exhausted", "failed": "deactivated"}
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)


class WebhookMetrics:
    """One per process. The gauges are of all tenants, a few seconds old."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ended = Counter(
            "loopctl_webhook_deliveries", "Attempts, by what they meant", ["outcome", "event_type"], registry=registry
        )
        self._seconds = Histogram(
            "loopctl_webhook_delivery_duration_seconds", "Of an attempt", registry=registry, buckets=BUCKETS
        )
        self._waiting = Gauge(
            "loopctl_webhook_queue", "Deliveries that wait", registry=registry, multiprocess_mode="livemostrecent"
        )
        self._oldest = Gauge(
            "loopctl_webhook_oldest_undelivered_seconds", "How long the oldest of them has waited",
            registry=registry, multiprocess_mode="livemostrecent",
        )  # fmt: skip

    def ended(self, state: str, event_type: str, seconds: float) -> None:
        self._ended.labels(OUTCOMES[state], event_type).inc()
        self._seconds.observe(seconds)

    def measured(self, waiting: int, oldest: float) -> None:
        self._waiting.set(waiting)
        self._oldest.set(oldest)
