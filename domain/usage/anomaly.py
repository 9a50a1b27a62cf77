"""Stories that cost far more or far less than others, or more than their budget (spec 02, sections 5 and 17.2).

Jobs measure and say what they found; what becomes of it is decided here, at the head of the log, so that the same
found twice is one anomaly.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, assert_never
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType, structs

from domain.errors import Conflict, NotFound
from domain.event import Event, Events, Recorded
from domain.fields import LONGEST_TITLE, Problems
from domain.story import Story
from domain.usage.archival import TokenDataArchived

AnomalyType = Literal["high_cost", "suspiciously_low", "budget_exceeded", "underreported"]
ANOMALY_TYPES: tuple[AnomalyType, ...] = ("high_cost", "suspiciously_low", "budget_exceeded", "underreported")

Baseline = Literal["epic_day_mean", "epic_mean", "project_median", "budget", "metered"]
"""What a story was compared with: the mean of its epic on one day, the mean of the other stories of its epic, the
median of its project, what it may cost, or what was measured of it."""

Cause = Literal["said", "in_range"]
"""A person has settled it, or the story costs no longer more or less than it should."""


class OfAnomaly(Event, frozen=True, kw_only=True):
    STREAM: ClassVar[str | None] = "cost_anomaly"
    project_id: UUID
    story_id: UUID
    anomaly_type: AnomalyType


class CostAnomalyDetected(OfAnomaly, frozen=True, kw_only=True):
    """``deviation_factor`` is the story's cost through the reference, with two decimals; of an underreported one the
    measured tokens through the reported ones, which only such a one has, and its reference is the measured cost.
    ``period`` is the day of a daily look, as YYYY-MM-DD; None for one at all that the story has cost. The agent is the
    one that has the story."""

    TAG: ClassVar[str] = "cost_anomaly.detected"
    epic_id: UUID | None
    story_title: str
    agent_id: UUID | None
    agent_name: str | None
    story_cost_millicents: int
    reference_avg_millicents: int
    deviation_factor: str
    baseline: Baseline
    period: str | None
    reported_tokens: int | None = None
    metered_tokens: int | None = None


class CostAnomalyRemeasured(OfAnomaly, frozen=True, kw_only=True):
    """It is still there, with other figures."""

    TAG: ClassVar[str] = "cost_anomaly.remeasured"
    story_cost_millicents: int
    reference_avg_millicents: int
    deviation_factor: str
    deviation_factor_was: str
    period: str | None
    reported_tokens: int | None = None
    metered_tokens: int | None = None


class CostAnomalyResolved(OfAnomaly, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "cost_anomaly.resolved"
    cause: Cause
    note: str | None = None


class CostAnomalyReopened(OfAnomaly, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "cost_anomaly.reopened"
    baseline: Baseline
    deviation_factor: str
    period: str | None
    note: str | None = None


class CostAnomalyArchived(OfAnomaly, frozen=True, kw_only=True):
    """It is in no list that does not ask for it."""

    TAG: ClassVar[str] = "cost_anomaly.archived"
    archived: bool


CostAnomalyEvent = (
    CostAnomalyDetected | CostAnomalyRemeasured | CostAnomalyResolved | CostAnomalyReopened | CostAnomalyArchived
)
COST_ANOMALY_EVENTS = Events[CostAnomalyEvent](CostAnomalyEvent)


class CostAnomaly(Struct, frozen=True, kw_only=True):
    """A row of app.cost_anomaly."""

    anomaly_id: UUID
    project_id: UUID
    epic_id: UUID | None
    story_id: UUID
    story_title: str
    anomaly_type: AnomalyType
    story_cost_millicents: int
    reference_avg_millicents: int
    deviation_factor: str
    baseline: Baseline
    period: str | None
    resolved: bool
    archived: bool
    note: str | None
    created_at: datetime
    updated_at: datetime
    position: int
    """Of the newest event."""
    reported_tokens: int | None = None
    metered_tokens: int | None = None


class OpenAnomaly(Struct, frozen=True):
    """What of an unresolved anomaly decides about what is found next."""

    anomaly_id: UUID
    baseline: Baseline
    deviation_factor: str
    period: str | None


class Measured(Struct, frozen=True, kw_only=True):
    """What a job has found of a story. ``in_range``: nothing is wrong any more with what was found before."""

    story_id: UUID
    anomaly_type: AnomalyType
    story_cost_millicents: int
    reference_avg_millicents: int
    deviation_factor: str
    baseline: Baseline
    period: str | None = None
    in_range: bool = False
    reported_tokens: int | None = None
    metered_tokens: int | None = None


class Wish(Struct, frozen=True, kw_only=True):
    """What a person wants of an anomaly; UNSET is not said."""

    resolved: bool | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    note: str | None = None


class Holder(Struct, frozen=True):
    """The agent that has the story, if one has."""

    agent_id: UUID | None
    name: str | None


def note_measured(
    found: Measured, story: Story, holder: Holder, there: OpenAnomaly | None
) -> CostAnomalyDetected | CostAnomalyRemeasured | CostAnomalyResolved | None:
    """``there`` is the unresolved anomaly of the story and the type. Nothing where nothing is new: what was compared
    with something else, or comes to the same factor, is said already."""
    place: dict[str, Any] = {
        "project_id": story.project_id, "story_id": story.story_id, "anomaly_type": found.anomaly_type
    }  # fmt: skip
    figures: dict[str, Any] = {
        "story_cost_millicents": found.story_cost_millicents,
        "reference_avg_millicents": found.reference_avg_millicents,
        "deviation_factor": found.deviation_factor,
        "period": found.period,
        "reported_tokens": found.reported_tokens,
        "metered_tokens": found.metered_tokens,
    }
    if there is None:
        if found.in_range:
            return None
        return CostAnomalyDetected(
            **place, **figures, epic_id=story.epic_id, story_title=story.title, agent_id=holder.agent_id,
            agent_name=holder.name, baseline=found.baseline,
        )  # fmt: skip
    if there.baseline != found.baseline:
        return None
    if found.in_range:
        return CostAnomalyResolved(**place, cause="in_range")
    if (there.deviation_factor, there.period) == (found.deviation_factor, found.period):
        return None
    return CostAnomalyRemeasured(**place, **figures, deviation_factor_was=there.deviation_factor)


def settle_anomaly(
    anomaly: CostAnomaly | None, wish: Wish, there: OpenAnomaly | None
) -> Sequence[CostAnomalyResolved | CostAnomalyReopened | CostAnomalyArchived]:
    """Nothing when it is so already. ``there`` is the unresolved one of the same story and type. Raises NotFound,
    Invalid, and Conflict for one that another has taken the place of."""
    if anomaly is None:
        raise NotFound("Not found")
    problems = Problems()
    note = problems.line("note", wish.note, LONGEST_TITLE)
    problems.raise_any()
    place: dict[str, Any] = {name: getattr(anomaly, name) for name in ("project_id", "story_id", "anomaly_type")}
    events: list[CostAnomalyResolved | CostAnomalyReopened | CostAnomalyArchived] = []
    if wish.resolved is True and not anomaly.resolved:
        events.append(CostAnomalyResolved(**place, cause="said", note=note))
    elif wish.resolved is False and anomaly.resolved:
        if there is not None:
            raise Conflict(
                "The story has an unresolved anomaly of this type already", current_state="resolved",
                attempted_action="reopen", hints=[f"Look at that one: {there.anomaly_id}."],
            )  # fmt: skip
        events.append(
            CostAnomalyReopened(
                **place, baseline=anomaly.baseline, deviation_factor=anomaly.deviation_factor, period=anomaly.period,
                note=note,
            )
        )  # fmt: skip
    if wish.archived is not UNSET and wish.archived != anomaly.archived:
        events.append(CostAnomalyArchived(**place, archived=wish.archived))
    return events


def evolve_anomaly(anomaly: CostAnomaly | None, recorded: Recorded) -> CostAnomaly | None:
    event = recorded.event
    if isinstance(event, TokenDataArchived) and anomaly is not None and anomaly.created_at < event.before:
        return structs.replace(anomaly, archived=True)
    if not COST_ANOMALY_EVENTS.has(event):
        return anomaly
    if isinstance(event, CostAnomalyDetected):
        names = set(CostAnomaly.__struct_fields__) & set(event.__struct_fields__)
        return CostAnomaly(
            **{name: getattr(event, name) for name in names}, anomaly_id=recorded.stream.id, resolved=False,
            archived=False, note=None, created_at=recorded.at, updated_at=recorded.at, position=recorded.position,
        )  # fmt: skip
    if anomaly is None:
        return None
    return structs.replace(anomaly, **_changes(event), updated_at=recorded.at, position=recorded.position)


def _changes(
    event: CostAnomalyRemeasured | CostAnomalyResolved | CostAnomalyReopened | CostAnomalyArchived,
) -> dict[str, Any]:
    match event:
        case CostAnomalyRemeasured():
            names = (
                "story_cost_millicents", "reference_avg_millicents", "deviation_factor", "period", "reported_tokens",
                "metered_tokens",
            )  # fmt: skip
            return {name: getattr(event, name) for name in names}
        case CostAnomalyResolved():
            return {"resolved": True, "note": event.note}
        case CostAnomalyReopened():
            return {"resolved": False, "note": event.note}
        case CostAnomalyArchived():
            return {"archived": event.archived}
        case _:
            assert_never(event)


def evolve_open(there: OpenAnomaly | None, recorded: Recorded) -> OpenAnomaly | None:
    """What is unresolved of a story and a type, after an event of it."""
    event, id_ = recorded.event, recorded.stream.id
    if isinstance(event, CostAnomalyDetected | CostAnomalyReopened):
        return OpenAnomaly(id_, event.baseline, event.deviation_factor, event.period)
    if there is None or there.anomaly_id != id_:
        return there
    if isinstance(event, CostAnomalyRemeasured):
        return structs.replace(there, deviation_factor=event.deviation_factor, period=event.period)
    return None if isinstance(event, CostAnomalyResolved) else there
