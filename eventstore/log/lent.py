"""Entries of another database's log, lent to a transaction that replays them and is rolled back."""

from base64 import b64decode
from collections.abc import Mapping, Sequence

from msgspec import UNSET

from domain.event import Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.codec import READER, Codec
from eventstore.log.payloads import Payload, keep_payloads
from loopctl.tlog.hashing import leaf_hash, payload_commitment

# What read models ask of the log is there: the database takes no verified story without its event.
LEND = """
    INSERT INTO app.log_entry (tenant_id, position, stream_version, stream_id, leaf_hash, entry)
    SELECT $1, given.*
      FROM unnest($2::bigint[], $3::integer[], $4::uuid[], $5::bytea[], $6::bytea[]) AS given
"""


class WrongText(Exception):
    """A text is not the one that the entry is committed to."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


async def lend_entries(
    tx: TenantTx, codec: Codec, entries: Sequence[bytes], texts: Mapping[int, Payload]
) -> Sequence[Recorded]:
    """Their events. ``entries`` were verified, and the tenant has none in this database. ``tx`` is the owner's.

    Raises WrongText, and UnknownEvent for a log that is newer than this code.
    """
    recorded, kept = [], []
    for entry in map(READER.decode, entries):
        text = texts.get(entry.seq)
        if text is not None and entry.commit is not UNSET:
            if payload_commitment(text.salt, text.payload) != b64decode(entry.commit):
                raise WrongText(entry.seq)
            kept.append(text)
        recorded.append(codec.recorded(entry, None if text is None else text.payload))
    await tx.execute(
        LEND, tx.tenant_id, [each.position for each in recorded], [each.version for each in recorded],
        [each.stream.id for each in recorded], [leaf_hash(entry) for entry in entries], list(entries),
    )  # fmt: skip
    if kept:
        await keep_payloads(tx, kept)
    return recorded
