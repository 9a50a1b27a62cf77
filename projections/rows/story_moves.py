"""What transitions change, in one statement: rows of stories, the queue, the progress of epics.

Most batches have nothing else, and each statement that one does without is a round trip that they all wait for. The
statement is made of those that the general way runs one after the other; no row is touched by two of them.
"""

from collections.abc import Sequence

import msgspec

from domain.epic import EpicCreated, EpicDeleted
from domain.event import Recorded
from domain.story import Story
from eventstore.database.transaction import TenantTx
from projections.rows import epic_progress, stories, work_queue
from projections.rows.entity import Moved
from projections.rows.epic_progress import Crossing

ALL = f"""
    WITH changed AS ({stories.REPLACE_ROWS}),
    gone AS ({work_queue.LEAVE.replace("$2", "$3")}),
    shown AS ({work_queue.ENTER.replace("$2", "$4")}),
    progress AS ({epic_progress.MOVE.replace("$2", "$5")})
    SELECT epic_id, left_now, left_before FROM progress
"""  # noqa: S608  # constants of our own


def only_moves(recorded: Sequence[Recorded], moved: Sequence[Moved[Story]]) -> bool:
    """Every story was there before and still is, and so are their epics."""
    return all(each.before and each.after for each in moved) and not any(
        isinstance(each.event, EpicCreated | EpicDeleted) for each in recorded
    )


async def apply(tx: TenantTx, moved: Sequence[Moved[Story]]) -> Sequence[Crossing]:
    """For those of which `only_moves` is true."""
    if not moved:
        return []
    rows = await tx.fetch(
        ALL, tx.tenant_id, _json([each.after for each in moved]), work_queue.leaving_of(moved),
        _json(work_queue.entering_of(moved)), _json(epic_progress.differences_of(moved)),
    )  # fmt: skip
    return epic_progress.crossings_of(rows)


def _json(rows: Sequence[object]) -> str:
    return msgspec.json.encode(rows).decode()
