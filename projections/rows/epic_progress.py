"""How far each epic's stories are: moved by what changed, never counted anew."""

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
    """An epic whose last open story was verified, or that has an open one again."""

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
