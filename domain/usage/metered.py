"""Token usage as it is measured, beside what agents say themselves (spec 02, sections 11 and 17; OpenTelemetry's
conventions for generative AI). The two are never added up."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from msgspec import Struct, structs

from domain.event import Event, Events, Recorded
from domain.usage.figures import Scope, agent_in
from domain.usage.pricing import price_of
from domain.usage.report import LARGEST_COUNT

Signal = Literal["metrics", "spans", "logs"]
"""The same calls may be told by all three; each has sums of its own."""
SIGNALS: tuple[Signal, ...] = ("metrics", "spans", "logs")
Measure = Literal["input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "cost_millicents"]
MEASURES: tuple[Measure, ...] = (
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "cost_millicents",
)  # fmt: skip
MeteredSource = Literal["reported", "computed", "unpriced"]
"""Of the cost: measured by the agent, computed from a price, or neither."""


class Mark(Struct, frozen=True):
    """How far a series that is told as a running total has come. ``start`` and ``at`` are microseconds since
    1970: nanoseconds are too many for a number in the log."""

    series: UUID
    start: int
    at: int
    value: int


class MeteredUsageRecorded(Event, frozen=True, kw_only=True):
    """What came with one export, of one model, session and story. The counts have nothing in common, as in a report."""

    TAG: ClassVar[str] = "metered_usage.recorded"
    project_id: UUID | None
    epic_id: UUID | None
    story_id: UUID | None
    agent_id: UUID | None
    signal: Signal
    model_name: str
    session_id: str | None
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    cost_millicents: int
    cost_source: MeteredSource
    marks: Sequence[Mark] = ()


MeteredUsageEvent = MeteredUsageRecorded
METERED_USAGE_EVENTS = Events[MeteredUsageEvent](MeteredUsageEvent)


class MeteredUsage(Struct, frozen=True, kw_only=True):
    """A row of app.metered_usage."""

    metered_id: UUID
    project_id: UUID | None
    epic_id: UUID | None
    story_id: UUID | None
    agent_id: UUID | None
    signal: Signal
    model_name: str
    session_id: str | None
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    cost_millicents: int
    cost_source: MeteredSource
    created_at: datetime
    position: int


class MeteredFigures(Struct, frozen=True):
    """A sum over exports, of one signal."""

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    cost_millicents: int = 0
    export_count: int = 0
    unpriced_count: int = 0
    """Exports of which nobody knows the cost."""

    def plus(self, other: "MeteredFigures") -> "MeteredFigures":
        pairs = zip(structs.astuple(self), structs.astuple(other), strict=True)
        return MeteredFigures(*(one + more for one, more in pairs))

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens + self.output_tokens


Measured = Mapping[str, MeteredFigures]
"""By signal; one that nothing has come by is not there."""
NO_MEASURE: Measured = {}


def most_tokens(measured: Measured) -> int:
    """What was measured at least: signals tell the same calls, so the greatest of them, not their sum."""
    return max((each.total_tokens for each in measured.values()), default=0)


def metered_figures(event: MeteredUsageRecorded) -> MeteredFigures:
    amounts = {name: getattr(event, name) for name in MEASURES}
    return MeteredFigures(**amounts, export_count=1, unpriced_count=int(event.cost_source == "unpriced"))


def metered_scopes(event: MeteredUsageRecorded) -> Sequence[Scope]:
    """Every sum that it counts in."""
    scopes = [("story", event.story_id), ("epic", event.epic_id), ("project", event.project_id)]
    scopes.append(("agent", event.agent_id))
    if event.project_id is not None and event.agent_id is not None:
        scopes.append(("project_agent", agent_in(event.project_id, event.agent_id)))
    return [(kind, id_) for kind, id_ in scopes if id_ is not None]


class Sample(Struct, frozen=True, kw_only=True):
    """One number of an export. ``mark`` is of a running total; None for an amount that is new."""

    signal: Signal
    model_name: str
    session_id: str | None
    story_id: UUID | None
    measure: Measure
    amount: int
    mark: Mark | None = None

    @property
    def group(self) -> tuple[str, str, str | None, UUID | None]:
        return self.signal, self.model_name, self.session_id, self.story_id


class Whose(Struct, frozen=True, kw_only=True):
    """Where a group of samples belongs."""

    project_id: UUID | None = None
    epic_id: UUID | None = None
    agent_id: UUID | None = None


def unmarked(series: UUID) -> Mark:
    """Of a series that nothing is known of."""
    return Mark(series, 0, -1, 0)


def news_of(samples: Sequence[Sample], marks: Mapping[UUID, Mark]) -> tuple[dict[Measure, int], list[Mark]]:
    """What samples of one group add, and how far their series have come. ``marks`` are from before."""
    added: dict[Measure, int] = dict.fromkeys(MEASURES, 0)
    moved: dict[UUID, Mark] = {}
    for each in sorted(samples, key=lambda sample: sample.mark.at if sample.mark else 0):
        if each.mark is None:
            added[each.measure] += each.amount
            continue
        before = moved.get(each.mark.series) or marks[each.mark.series]
        step = _step(each.mark, before)
        if step is not None:
            added[each.measure] += step
            moved[each.mark.series] = each.mark
    return added, list(moved.values())


def _step(mark: Mark, before: Mark) -> int | None:
    """From one running total to the next; None for one that came late or again. One that began anew, or is lower than
    it was, counts from zero."""
    if mark.at <= before.at:
        return None
    return mark.value if mark.start > before.start or mark.value < before.value else mark.value - before.value


def record_metered(
    samples: Sequence[Sample], marks: Mapping[UUID, Mark], whose: Whose, now: datetime,
    prices: Mapping[str, Mapping[str, object]],
) -> tuple[MeteredUsageRecorded, ...]:  # fmt: skip
    """Of one group; nothing where nothing is new."""
    added, moved = news_of(samples, marks)
    if not any(added.values()):
        return ()
    first = samples[0]
    tokens = [min(added[name], LARGEST_COUNT) for name in MEASURES[:4]]
    counts: dict[str, Any] = dict(zip(MEASURES[:4], tokens, strict=True))
    price = price_of(first.model_name, now.date(), prices)
    measured = any(each.measure == "cost_millicents" for each in samples)
    source: MeteredSource = "reported" if measured else "computed" if price else "unpriced"
    computed = price.cost(*tokens) if price else 0
    return (
        MeteredUsageRecorded(
            **structs.asdict(whose), story_id=first.story_id, signal=first.signal, model_name=first.model_name,
            session_id=first.session_id, **counts,
            cost_millicents=min(added["cost_millicents"], LARGEST_COUNT) if measured else computed,
            cost_source=source, marks=moved,
        ),
    )  # fmt: skip


def evolve_metered(usage: MeteredUsage | None, recorded: Recorded) -> MeteredUsage | None:
    event = recorded.event
    if not METERED_USAGE_EVENTS.has(event):
        return usage
    names = set(MeteredUsage.__struct_fields__) & set(event.__struct_fields__)
    return MeteredUsage(
        **{name: getattr(event, name) for name in names}, metered_id=recorded.stream.id, created_at=recorded.at,
        position=recorded.position,
    )  # fmt: skip
