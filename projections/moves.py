"""What transitions change, written in one call with the transitions themselves.

Most batches have nothing else, and each statement that one does without is a round trip that they all wait for. What
is written is what the read models' own modules write one after the other; a rebuild compares them.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from domain.epic import EpicCompleted
from domain.event import Event, Recorded
from domain.lifecycle import events as on
from domain.story import Story
from eventstore.database.transaction import Database
from eventstore.log.append import arguments_of, check_moved
from eventstore.log.command import Need
from eventstore.log.short_way import Moving
from projections.rows import audit_index, custody_records, epic_progress, webhook_deliveries, work_queue
from projections.rows.entity import Moved
from projections.rows.stories import STORIES

COMMIT = """
    SELECT app.commit_moves(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
        $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41)
"""

OF_STORIES: frozenset[type[Event]] = frozenset({
    on.StoryContracted, on.StoryClaimed, on.StoryStarted, on.LeaseRenewed, on.LeaseExpired, on.ReviewRequested,
    on.StoryReported, on.ReviewCompleted, on.StoryVerified, on.StoryRejected, on.StoryAutoReset,
    on.StoryUnclaimed, on.StoryForceUnclaimed,
})  # fmt: skip
BESIDE: frozenset[type[Event]] = frozenset({EpicCompleted, on.ArtifactReported})
"""Of other streams, whose states no decision about a story has to know."""


def fits(recorded: Sequence[Recorded], before: Mapping[Need[Any], Any]) -> bool:
    """Whether all of them are transitions, or come with one, of stories that were there."""
    for each in recorded:
        kind = type(each.event)
        if kind in OF_STORIES:
            if before.get(STORIES.need(each.stream.id)) is None:
                return False
        elif kind not in BESIDE:
            return False
    return True


async def write(database: Database, tenant_id: UUID, moving: Moving) -> None:
    """All of it or nothing. Raises HeadMoved, and DatabaseUnavailable, whose outcome may be unknown."""
    recorded = moving.batch.recorded
    try:
        await database.call(
            COMMIT, tenant_id, *arguments_of(moving.batch), *audit_index.columns_of(recorded),
            *_of_stories(_moved(moving)), *map(_json, custody_records.rows_of(recorded)), _json(_completed(recorded)),
            *webhook_deliveries.queued_of(recorded),
        )  # fmt: skip
    except asyncpg.PostgresError as error:
        check_moved(error)
        raise


def _moved(moving: Moving) -> list[Moved[Story]]:
    return [
        Moved(need.key, state, moving.after[need])  # type: ignore[arg-type]  # a story's key is its id
        for need, state in moving.before.items()
        if need.model == STORIES.name
    ]


def _of_stories(moved: Sequence[Moved[Story]]) -> tuple[object, ...]:
    returned, confirmed = work_queue.reached_by(moved)
    leaving, entering = work_queue.leaving_of(moved), work_queue.entering_of(moved)
    progress = epic_progress.differences_of(moved)
    return (
        _json([each.after for each in moved]), leaving or None, _json(entering), _json(progress), returned or None,
        confirmed or None,
    )  # fmt: skip


def _completed(recorded: Sequence[Recorded]) -> list[dict[str, Any]]:
    return [
        {"epic_id": each.stream.id, "position": each.position} for each in recorded if type(each.event) is EpicCompleted
    ]


def _json(rows: Sequence[object]) -> str | None:
    return msgspec.json.encode(rows).decode() if rows else None
