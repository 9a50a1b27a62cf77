"""What the read models of a tenant come to at a position of its log, said in the log itself (spec 05, section 4.2).

Whoever replays the log into empty read models must get the same; a row that was changed by hand makes another digest.
"""

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID, uuid5

from msgspec import Struct

from domain.event import Event, Events, Stream

FEWEST_ENTRIES = 1_000
SHARE = 4


class TableDigest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``digest`` is SHA-256, in hexadecimal, of the SHA-256 hashes of the table's rows in the order of its key; of each
    row the values of ``columns`` count, in this order. A later version may have more columns."""

    table: str
    columns: Sequence[str]
    rows: int
    digest: str


class StateDigested(Event, frozen=True, kw_only=True):
    """What the first ``size`` entries come to; more may have come before this one."""

    TAG: ClassVar[str] = "projection.digested"
    size: int
    tables: Sequence[TableDigest]


StateDigestEvent = StateDigested
STATE_DIGEST_EVENTS = Events[StateDigestEvent](StateDigestEvent)


def digest_stream(tenant_id: UUID) -> Stream:
    """Where a tenant's digests follow each other."""
    return Stream("projection", uuid5(tenant_id, "projection"))


def next_digest(last: int | None) -> int:
    """The size at which the next digest is due, after one of the first ``last`` entries. All rows are read for each, so
    the distance grows with the log: what a digest costs stays a fixed share of what the entries cost."""
    size = last or 0
    return size + max(FEWEST_ENTRIES, size // SHARE)


def record_digest(last: int | None, digest: StateDigested, *, asked: bool) -> Sequence[StateDigested]:
    """None when somebody else has recorded one in the meantime, unless a person has ``asked`` for it."""
    if asked:
        return [digest] if last is None or digest.size > last else []
    return [digest] if digest.size >= next_digest(last) else []
