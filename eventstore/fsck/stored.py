"""The columns beside the bytes: each has to say what the bytes say."""

from collections.abc import Sequence

from eventstore.database.transaction import TenantTx
from eventstore.fsck.reading import HeadRow, Row
from eventstore.heads.log_keys import LogKey, history_of, read_log_keys
from loopctl.audit.fault import Fault, faults
from loopctl.audit.keys_file import PLACE
from loopctl.audit.links import Link
from loopctl.audit.names import HEADS
from loopctl.tlog.checkpoint import parse_checkpoint
from loopctl.tlog.note import parse_note
from loopctl.tlog.tree import parse_frontier
from loopctl.tlog.vkey import parse_vkey

KEY_COLUMNS = """
    SELECT vkey, public_key, private_key IS NULL AS destroyed, retired_at IS NOT NULL AS retired
      FROM app.log_key
     WHERE tenant_id = $1 AND purpose = 'log'
     ORDER BY first_size
     LIMIT 1000
"""


async def read_checked_keys(tx: TenantTx) -> Sequence[LogKey]:
    """The keys of the log, whose rows do not contradict themselves or each other. Raises Fault."""
    with faults("keys", PLACE):
        keys = await read_log_keys(tx)
        history_of(keys)
    for row in await tx.fetch(KEY_COLUMNS, tx.tenant_id):
        key = parse_vkey(row["vkey"])
        if row["public_key"] != key.public_key or row["destroyed"] != row["retired"]:
            problem = "its public key, or whether it is retired, is said in two ways"
            raise Fault("stored", "key_columns", f"log key {key.key_id.hex()}", problem)
    return keys


def check_entry_columns(first: int, rows: Sequence[Row], links: Sequence[Link]) -> None:
    for position, (row, link) in enumerate(zip(rows, links, strict=True), start=first):
        if (str(row.stream_id), row.stream_version) != (link.entity[1], link.eseq):
            problem = "is stored as another entity's, or as another of its events, than its bytes say"
            raise Fault("stored", "entry_columns", f"entry {position}", problem)


def check_head_columns(row: HeadRow, keys: Sequence[LogKey]) -> None:
    """Of a head whose note was checked. Its lines are by the keys that have their time at this size, and no others."""
    place = f"{HEADS}{row.size}"
    with faults("stored", place):
        frontier = parse_frontier(row.size, row.frontier)
        note = parse_note(row.note)
        root = parse_checkpoint(note.text).root
    if not root == row.root == frontier.root():
        raise Fault("stored", "head_columns", place, "is stored with another root or frontier than was signed")
    counting = {key.key.key_id for key in keys if _counts(key, row.size)}
    ours = {key.key.key_id for key in keys}
    signed = {line.key_id for line in note.lines if line.name == keys[0].key.name and line.key_id in ours}
    if signed != counting:
        raise Fault("stored", "head_lines", place, "was signed by other keys than those that have their time at it")


def _counts(key: LogKey, size: int) -> bool:
    return key.first_size <= size and (key.last_size is None or size <= key.last_size)
