"""How far each epic's stories are: moved by what changed, never counted anew. A project is the sum of its epics."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from domain.epic import EpicCreated, EpicDeleted
from domain.event import Recorded
from domain.story import Story
from eventstore.database.transaction import TenantTx
from projections.rows.entity import Moved

OPEN = """
    INSERT INTO app.epic_progress
    SELECT $1, epic_id, project_id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
      FROM unnest($2::uuid[], $3::uuid[]) AS given (epic_id, project_id)
"""

CLOSE = "DELETE FROM app.epic_progress WHERE tenant_id = $1 AND epic_id = ANY ($2::uuid[])"

MOVE = """
    UPDATE app.epic_progress AS p
       SET stories = p.stories + d.stories, pending = p.pending + d.pending, contracted = p.contracted + d.contracted,
           assigned = p.assigned + d.assigned, implementing = p.implementing + d.implementing,
           reported_done = p.reported_done + d.reported_done, unverified = p.unverified + d.unverified,
           verified = p.verified + d.verified, rejected = p.rejected + d.rejected, hours = p.hours + d.hours,
           hours_done = p.hours_done + d.hours_done
      FROM json_populate_recordset(NULL::app.epic_progress, $2::json) AS d
     WHERE p.tenant_id = $1 AND p.epic_id = d.epic_id
    RETURNING p.epic_id, p.stories - p.verified AS left_now,
              p.stories - p.verified - d.stories + d.verified AS left_before
"""


class Crossing(Struct, frozen=True):
    """An epic that has become complete, or is no longer complete."""

    epic_id: UUID
    complete: bool


async def apply(tx: TenantTx, recorded: Sequence[Recorded], moved: Sequence[Moved[Story]]) -> Sequence[Crossing]:
    """``moved`` are the stories that the same events moved. An epic without stories counts as complete."""
    opened = [(each.stream.id, each.event) for each in recorded if isinstance(each.event, EpicCreated)]
    if opened:
        await tx.execute(OPEN, tx.tenant_id, [id_ for id_, _ in opened], [event.project_id for _, event in opened])
    crossings: list[Crossing] = []
    differences = differences_of(moved)
    if differences:
        crossings = crossings_of(await tx.fetch(MOVE, tx.tenant_id, msgspec.json.encode(differences).decode()))
    closed = [each.stream.id for each in recorded if isinstance(each.event, EpicDeleted)]
    if closed:
        await tx.execute(CLOSE, tx.tenant_id, closed)
    return crossings


def crossings_of(rows: Sequence[Any]) -> list[Crossing]:
    """From what MOVE returns."""
    return [
        Crossing(row["epic_id"], row["left_now"] == 0)
        for row in rows
        if (row["left_now"] == 0) != (row["left_before"] == 0)
    ]


def differences_of(moved: Sequence[Moved[Story]]) -> list[dict[str, Any]]:
    """A row for each epic in which something has changed."""
    by_epic: dict[UUID, dict[str, Any]] = {}
    for each in moved:
        if each.before and each.after and _counted(each.before) == _counted(each.after):
            continue
        for story, sign in ((each.before, -1), (each.after, 1)):
            if story:
                row = by_epic.get(story.epic_id)
                if row is None:
                    row = by_epic[story.epic_id] = _nothing(story.epic_id)
                _add(row, story, sign)
    return list(by_epic.values())


def _counted(story: Story) -> tuple[object, ...]:
    return (story.epic_id, story.agent_status, story.verified_status, story.estimated_hours)


NOTHING: dict[str, Any] = {
    "stories": 0, "pending": 0, "contracted": 0, "assigned": 0, "implementing": 0, "reported_done": 0, "unverified": 0,
    "verified": 0, "rejected": 0, "hours": Decimal(0), "hours_done": Decimal(0),
}  # fmt: skip


def _nothing(epic_id: UUID) -> dict[str, Any]:
    return {**NOTHING, "epic_id": epic_id}


def _add(row: dict[str, Any], story: Story, sign: int) -> None:
    row["stories"] += sign
    row[story.agent_status] += sign
    row[story.verified_status] += sign
    if story.estimated_hours is None:
        return
    hours = sign * Decimal(story.estimated_hours)
    row["hours"] += hours
    if story.verified_status == "verified":
        row["hours_done"] += hours


OF_EPIC = """
    SELECT *, 1 AS epics, CASE WHEN stories > 0 AND stories = verified THEN 1 ELSE 0 END AS epics_completed
      FROM app.epic_progress
     WHERE tenant_id = $1 AND epic_id = $2
"""

OF_PROJECT = """
    SELECT count(*) AS epics, count(*) FILTER (WHERE stories > 0 AND stories = verified) AS epics_completed,
           coalesce(sum(stories), 0) AS stories, coalesce(sum(pending), 0) AS pending,
           coalesce(sum(contracted), 0) AS contracted, coalesce(sum(assigned), 0) AS assigned,
           coalesce(sum(implementing), 0) AS implementing, coalesce(sum(reported_done), 0) AS reported_done,
           coalesce(sum(unverified), 0) AS unverified, coalesce(sum(verified), 0) AS verified,
           coalesce(sum(rejected), 0) AS rejected, coalesce(sum(hours), 0) AS hours,
           coalesce(sum(hours_done), 0) AS hours_done
      FROM app.epic_progress
     WHERE tenant_id = $1 AND project_id = $2
"""

AGENT_STATUSES = ("pending", "contracted", "assigned", "implementing", "reported_done")
VERIFIED_STATUSES = ("unverified", "verified", "rejected")


class Progress(Struct, frozen=True, kw_only=True):
    """Numbers of stories by status; ``hours`` are estimated ones, ``hours_done`` those of verified stories."""

    epics: int
    epics_completed: int
    """Those with stories, all of them verified."""
    stories: int
    pending: int
    contracted: int
    assigned: int
    implementing: int
    reported_done: int
    unverified: int
    verified: int
    rejected: int
    hours: Decimal
    hours_done: Decimal

    def count(self, status: str | None) -> int:
        """Stories in one status of either kind, or all."""
        number: int = getattr(self, status or "stories")
        return number


def percentage(part: int, whole: int) -> float:
    """To one decimal, a half rounded up; 0.0 of nothing. In integers, so that no half gets lost.

    100.0 says that nothing is left, and 0.0 that nothing is done: what rounds to them otherwise stays a tenth away.
    """
    if part in (0, whole):
        return 100.0 if part else 0.0
    return min(max((2000 * part + whole) // (2 * whole), 1), 999) / 10


async def epic_progress(tx: TenantTx, epic_id: UUID) -> Progress | None:
    row = await tx.fetchrow(OF_EPIC, tx.tenant_id, epic_id)
    return _progress(row) if row else None


async def project_progress(tx: TenantTx, project_id: UUID) -> Progress:
    """All zero for a project that is not known."""
    return _progress(await tx.fetchrow(OF_PROJECT, tx.tenant_id, project_id))


def _progress(row: Any) -> Progress:
    return Progress(**{name: row[name] for name in Progress.__struct_fields__})
