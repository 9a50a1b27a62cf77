"""A version of a skill that costs far more than the one before it: said once (spec 02, section 17.3)."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from msgspec import Struct, structs

from domain.event import Event, Events, Recorded
from domain.skill_costs import VersionCost

RegressionKind = Literal["cost", "tokens", "both"]


class SkillRegressed(Event, frozen=True, kw_only=True):
    """Its stream has the id of the version. Averages and changes are those of that moment; what cannot be compared is
    None."""

    TAG: ClassVar[str] = "skill_regression.detected"
    skill_id: UUID
    project_id: UUID | None
    skill_name: str
    version: int
    previous_version: int
    kind: RegressionKind
    total_invocations: int
    avg_cost_per_invocation_millicents: int | None
    previous_avg_cost_per_invocation_millicents: int | None
    avg_tokens_per_invocation: int | None
    previous_avg_tokens_per_invocation: int | None
    cost_change_pct: int | None
    token_change_pct: int | None


SkillRegressionEvent = SkillRegressed
SKILL_REGRESSION_EVENTS = Events[SkillRegressionEvent](SkillRegressionEvent)


class SkillRegression(Struct, frozen=True, kw_only=True):
    """A row of app.skill_regression."""

    version_id: UUID
    skill_id: UUID
    version: int
    kind: RegressionKind
    detected_at: datetime
    position: int


class Regressed(Struct, frozen=True, kw_only=True):
    """What a job has found of a version."""

    skill_id: UUID
    version: int
    previous_version: int
    kind: RegressionKind
    total_invocations: int
    avg_cost_per_invocation_millicents: int | None
    previous_avg_cost_per_invocation_millicents: int | None
    avg_tokens_per_invocation: int | None
    previous_avg_tokens_per_invocation: int | None
    cost_change_pct: int | None
    token_change_pct: int | None


def regressed(skill_id: UUID, now: VersionCost, before: VersionCost) -> Regressed | None:
    """``before`` is the nearest version below with reports."""
    if not now.regressed:
        return None
    both = now.cost_regression and now.token_regression
    return Regressed(
        skill_id=skill_id, version=now.figures.version, previous_version=before.figures.version,
        kind="both" if both else "cost" if now.cost_regression else "tokens",
        total_invocations=now.figures.invocations, avg_cost_per_invocation_millicents=now.average_cost,
        previous_avg_cost_per_invocation_millicents=before.average_cost,
        avg_tokens_per_invocation=now.average_tokens, previous_avg_tokens_per_invocation=before.average_tokens,
        cost_change_pct=now.cost_change_pct, token_change_pct=now.token_change_pct,
    )  # fmt: skip


def note_regression(
    found: Regressed, name: str, project_id: UUID | None, said: SkillRegression | None
) -> tuple[SkillRegressed, ...]:
    """Nothing for what was said; a version whose tokens grew first and then its cost as well is said once more."""
    if said is not None and said.kind in ("both", found.kind):
        return ()
    return (SkillRegressed(skill_name=name, project_id=project_id, **structs.asdict(found)),)


def evolve_regression(regression: SkillRegression | None, recorded: Recorded) -> SkillRegression | None:
    event = recorded.event
    if not SKILL_REGRESSION_EVENTS.has(event):
        return regression
    kind = event.kind if regression is None or regression.kind == event.kind else "both"
    return SkillRegression(
        version_id=recorded.stream.id, skill_id=event.skill_id, version=event.version, kind=kind,
        detected_at=recorded.at, position=recorded.position,
    )  # fmt: skip
