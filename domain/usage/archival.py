"""Reports of usage and anomalies that are older than their tenant keeps them: no list has them any more. The log keeps
them, and so do the sums, so that old costs do not make room in a budget (spec 02, sections 3.8 and 10.8)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from domain.event import Event, Events, Recorded
from domain.tenant import Tenant


class TokenDataArchived(Event, frozen=True, kw_only=True):
    """Of what was recorded earlier than ``before``: how many reports went, and how many anomalies were archived."""

    TAG: ClassVar[str] = "token_data.archived"
    retention_days: int
    before: datetime
    reports_archived: int
    anomalies_archived: int


TokenDataEvent = TokenDataArchived
TOKEN_DATA_EVENTS = Events[TokenDataEvent](TokenDataEvent)


class Archival(Struct, frozen=True, kw_only=True):
    """A row of app.token_data: one time that this was done."""

    archival_id: UUID
    retention_days: int
    before: datetime
    reports_archived: int
    anomalies_archived: int
    created_at: datetime
    position: int


class Old(Struct, frozen=True, kw_only=True):
    """What a job has found that is older than the tenant keeps it."""

    retention_days: int
    before: datetime
    reports: int
    anomalies: int


def archive_token_data(tenant: Tenant, old: Old, done: Archival | None) -> tuple[TokenDataArchived, ...]:
    """Nothing when it was done, or the tenant keeps it longer by now."""
    if done is not None or tenant.token_data_retention_days != old.retention_days:
        return ()
    return (
        TokenDataArchived(
            retention_days=old.retention_days, before=old.before, reports_archived=old.reports,
            anomalies_archived=old.anomalies,
        ),
    )  # fmt: skip


def parted(recorded: Sequence[Recorded]) -> Iterator[tuple[Sequence[Recorded], datetime | None]]:
    """Events up to each archival, and from before when rows then go: what comes after one is not touched by it, however
    its time is told."""
    begin = 0
    for place, each in enumerate(recorded):
        if isinstance(each.event, TokenDataArchived):
            yield recorded[begin:place], each.event.before
            begin = place + 1
    yield recorded[begin:], None


def evolve_archival(archival: Archival | None, recorded: Recorded) -> Archival | None:
    event = recorded.event
    if not isinstance(event, TokenDataArchived):
        return archival
    return Archival(
        archival_id=recorded.stream.id, retention_days=event.retention_days, before=event.before,
        reports_archived=event.reports_archived, anomalies_archived=event.anomalies_archived,
        created_at=recorded.at, position=recorded.position,
    )  # fmt: skip
