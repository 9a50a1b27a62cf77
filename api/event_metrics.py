"""What the events of a batch come to as figures (spec 02, section 11). Of no tenant and no project, because /metrics
asks nobody who they are."""

from collections import Counter as Tally
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter

from domain.audit_shapes import AUDIT_SHAPES
from domain.event import Event
from domain.usage.anomaly import CostAnomalyDetected
from domain.usage.budget import BudgetExceeded, BudgetWarned
from domain.usage.events import TokenUsageCorrected, TokenUsageReported
from eventstore.log.append import NewEvent

STATUSES = ("agent_status", "verified_status")
Move = tuple[str, str, str]
"""Which status, from what, to what."""


class Counted(Struct, frozen=True):
    """What is counted of a type of event. ``moves`` has a status, the field that holds what it was, and what it is."""

    entry: tuple[str, str]
    moves: Sequence[tuple[str, str, str]]


def _counted() -> dict[type[Event], Counted]:
    """As the audit trail shows them, in which a story's event says which status it changes."""
    return {
        kind: Counted(
            (shape.entity_type, shape.action),
            [
                (status, shape.old[status], shape.becomes[status])
                for status in STATUSES
                if shape.entity_type == "story" and status in (shape.old or {}) and status in shape.becomes
            ]
            if shape.old
            else (),
        )
        for kind, shape in AUDIT_SHAPES.items()
    }


class EventMetrics:
    """One per process, in the registry that /metrics shows."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(name, meaning, labels, registry=registry)

        self._entries = counter("loopctl_audit_entries", "Events, as the audit trail has them", "entity_type", "action")
        self._moves = counter("loopctl_story_transitions", "Changes of stories' statuses", "field", "from", "to")
        self._spend = counter(
            "loopctl_token_spend_millicents",
            "What agents report to have spent; nothing is taken off for corrections and deletions",
            "cost_source",
        )
        self._crossings = counter(
            "loopctl_budget_crossings", "Budgets that reached a threshold", "threshold_type", "enforcement"
        )
        self._anomalies = counter("loopctl_cost_anomalies", "Anomalies of cost that were found", "anomaly_type")
        self._counted = _counted()

    def committed(self, batch: Sequence[NewEvent]) -> None:
        """Of a batch, after its commit: each figure is moved once, however many events there are."""
        entries, moves = Tally[type[Event]](), Tally[Move]()
        for each in batch:
            event = each.recorded.event
            kind = type(event)
            entries[kind] += 1
            counted = self._counted.get(kind)
            if counted is not None and counted.moves:
                moves.update((status, getattr(event, was), now) for status, was, now in counted.moves)
            self._count_costs(event)
        for kind, number in entries.items():
            if kind in self._counted:
                self._entries.labels(*self._counted[kind].entry).inc(number)
        for move, number in moves.items():
            if move[1] != move[2]:
                self._moves.labels(*move).inc(number)

    def _count_costs(self, event: Any) -> None:
        match event:
            case TokenUsageReported() | TokenUsageCorrected():
                self._spend.labels(event.cost_source).inc(max(event.cost_millicents, 0))
            case BudgetExceeded():  # which is one that warns as well
                self._crossings.labels("exceeded", event.enforcement).inc()
            case BudgetWarned():
                self._crossings.labels("warning", event.enforcement).inc()
            case CostAnomalyDetected():
                self._anomalies.labels(event.anomaly_type).inc()
            case _:
                pass
