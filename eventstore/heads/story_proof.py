"""Everything that the log has of one story, with what its steps were signed for and by whom: entries and their proofs.

Two statements, whatever the number of steps: the entries, and the hashes of all their proofs.
"""

from collections.abc import Sequence
from itertools import islice
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import TenantTx
from eventstore.heads.checkpoints import StoredHead
from eventstore.heads.tree import read_hashes
from loopctl.tlog.entry import decode_head
from loopctl.tlog.plan import inclusion_plan

MOST_ENTRIES = 2_000
KEY = "api_key:"

STREAMS = """
    SELECT position, entry
      FROM app.log_entry
     WHERE tenant_id = $1 AND stream_id = ANY ($2::uuid[]) AND position < $3
     ORDER BY position
     LIMIT $4
"""


class ProvenEntry(Struct, frozen=True):
    position: int
    entry: bytes
    path: Sequence[bytes]


class TooManySteps(Exception):
    """Of a story: the whole log is the proof then."""


async def prove_story(tx: TenantTx, story_id: UUID, head: StoredHead) -> Sequence[ProvenEntry]:
    """The story's entries under this head, and those of the keys and dispatches that they were made with; empty when
    there is no such story. Raises TooManySteps."""
    rows = await tx.fetch(STREAMS, tx.tenant_id, [story_id], head.size, MOST_ENTRIES + 1)
    entries = {row["position"]: row["entry"] for row in rows}
    if not entries or decode_head(rows[0]["entry"]).entity[0] != "story":
        return ()
    named = {stream for raw in entries.values() for stream in _acting(decode_head(raw).actor)}
    for row in await tx.fetch(STREAMS, tx.tenant_id, [*named], head.size, MOST_ENTRIES + 1):
        entries[row["position"]] = row["entry"]
    if len(entries) > MOST_ENTRIES:
        raise TooManySteps
    plans = {position: inclusion_plan(position, head.size) for position in sorted(entries)}
    hashes = iter(await read_hashes(tx, [subtree for plan in plans.values() for subtree in plan.subtrees()]))
    return [
        ProvenEntry(position, entries[position], plan.fold([*islice(hashes, len(plan.subtrees()))]))
        for position, plan in plans.items()
    ]


def _acting(actor: Sequence[str]) -> Sequence[UUID]:
    """The streams of a key and of the dispatches that it acts under."""
    key, *rest = actor
    named = [key.removeprefix(KEY)] if key.startswith(KEY) else []
    return [UUID(each) for each in (*named, *rest[1:]) if _is_id(each)]


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
