"""Replays a log into empty read models and compares: with the digests that the log itself has, and with the live rows.

Everything happens in a transaction of the tables' owner that is to be rolled back.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from domain.erasure import PayloadErased, erasure_stream
from domain.event import Recorded
from domain.state_digest import StateDigested, TableDigest, digest_stream
from eventstore.database.transaction import TenantTx
from eventstore.log.codec import Codec
from eventstore.log.read import read_stream, replay
from projections.digests import digest_table, digested_tables
from projections.inline import Projection
from projections.rebuild import HOLD_HEAD, Rebuilt, compared, set_aside
from projections.rows.erasures import MADE_OF_TEXTS

ALTERED_TEXTS = """
    SELECT p.position
      FROM app.payload AS p
      LEFT JOIN app.log_entry AS e ON e.tenant_id = $1 AND e.position = p.position
     WHERE p.tenant_id = $1
       AND (convert_from(e.entry, 'UTF8')::json ->> 'commit') IS DISTINCT FROM
           encode(sha256(convert_to('loopctl/payload/v1' || chr(10), 'UTF8') || p.salt || p.payload), 'base64')
     ORDER BY p.position
"""

Verdict = Literal["equal", "other", "unknown"]


class DigestSeen(Struct, frozen=True):
    """What became of one table of one digest. ``unknown``: not all of its columns, or of its texts, are here."""

    size: int
    table: str
    verdict: Verdict
    rows_logged: int
    rows: int | None


class StateChecked(Struct, frozen=True):
    """``live`` is empty where an export was replayed, which has no rows to compare with. ``altered_texts`` are
    positions of entries whose text, beside the log, is not the one that they are committed to."""

    size: int
    digests: Sequence[DigestSeen]
    live: Sequence[Rebuilt] = ()
    altered_texts: Sequence[int] = ()

    @property
    def is_good(self) -> bool:
        as_logged = all(each.verdict != "other" for each in self.digests)
        return as_logged and all(each.was_equal for each in self.live) and not self.altered_texts


class Withheld(Struct, frozen=True):
    """A text that the replay has not: of the entry ``seq``, whose rows are in ``table``. ``erased_at`` is the position
    of its erasure; None where only this replay was not given it."""

    seq: int
    table: str
    erased_at: int | None


class Logged(Struct, frozen=True):
    """What the log says that its replay is to come to."""

    digests: Sequence[StateDigested]
    withheld: Sequence[Withheld] = ()

    def is_comparable(self, digest: StateDigested, table: str) -> bool:
        """Whether the texts that the digest saw are those of the replay at its size."""
        return not any(
            each.table == table and each.seq < digest.size and (each.erased_at is None or each.erased_at >= digest.size)
            for each in self.withheld
        )


Pages = AsyncIterator[Sequence[Recorded]]


async def check_state(tx: TenantTx, codec: Codec, projections: Sequence[Projection]) -> StateChecked:
    """Of the database's own log. Nobody appends to it meanwhile. Raises LogIncomplete."""
    size = await tx.fetchval(HOLD_HEAD, tx.tenant_id)
    tables = [table for projection in projections for table in projection.tables]
    for table in tables:
        await set_aside(tx, table)
    streams = (digest_stream(tx.tenant_id), erasure_stream(tx.tenant_id))
    said = [each for stream in streams for each in await read_stream(tx, codec, stream.id, size or 0)]
    logged = Logged(digests_of(said), withheld(erasures_of(said)))
    seen = await follow_digests(tx, replay(tx, codec), projections, logged)
    altered = [row["position"] for row in await tx.fetch(ALTERED_TEXTS, tx.tenant_id)]
    return StateChecked(size or 0, seen, [await compared(tx, table) for table in tables], altered)


def digests_of(recorded: Sequence[Recorded]) -> list[StateDigested]:
    return [each.event for each in recorded if isinstance(each.event, StateDigested)]


def erasures_of(recorded: Sequence[Recorded]) -> dict[int, tuple[int, str]]:
    """By position of what was erased: where, and the kind of the entity."""
    return {
        each.event.seq: (each.position, each.event.entity_kind)
        for each in recorded
        if isinstance(each.event, PayloadErased)
    }


def withheld(erased: Mapping[int, tuple[int, str]]) -> list[Withheld]:
    return [Withheld(seq, table_of_texts(kind), position) for seq, (position, kind) in erased.items()]


def table_of_texts(kind: str) -> str:
    """Of a kind of streams; "" where no row is made of its texts."""
    entities = MADE_OF_TEXTS.get(kind)
    return entities[0].table if entities else ""


async def follow_digests(
    tx: TenantTx, pages: Pages, projections: Sequence[Projection], logged: Logged
) -> list[DigestSeen]:
    """Applies every event, and stops at the size of each digest. The tenant's read models are empty before."""
    due = sorted(logged.digests, key=lambda digest: digest.size)
    seen: list[DigestSeen] = []
    size = 0
    async for page in pages:
        first = size
        while due and due[0].size <= first + len(page):
            await _apply(tx, projections, page[size - first : due[0].size - first])
            size = due[0].size
            seen += await _compare(tx, projections, due.pop(0), logged)
        await _apply(tx, projections, page[size - first :])
        size = first + len(page)
    for digest in due:  # of more entries than there are
        seen += [DigestSeen(digest.size, each.table, "other", each.rows, None) for each in digest.tables]
    return seen


async def _apply(tx: TenantTx, projections: Sequence[Projection], recorded: Sequence[Recorded]) -> None:
    if recorded:
        for projection in projections:
            await projection.apply(tx, recorded)


async def _compare(
    tx: TenantTx, projections: Sequence[Projection], digest: StateDigested, logged: Logged
) -> list[DigestSeen]:
    ours = {table for projection in projections for table in projection.tables}
    known = await digested_tables(tx, [each.table for each in digest.tables if each.table in ours])
    by_name = {table.name: table for table in known}
    seen = []
    for said in digest.tables:
        table = by_name.get(said.table)
        if table is None or not table.types.keys() >= set(said.columns):
            seen.append(DigestSeen(digest.size, said.table, "unknown", said.rows, None))
            continue
        found = await digest_table(tx, table, said.columns)
        verdict = _judged(said, found, comparable=logged.is_comparable(digest, said.table))
        seen.append(DigestSeen(digest.size, said.table, verdict, said.rows, found.rows))
    return seen


def _judged(said: TableDigest, found: TableDigest, *, comparable: bool) -> Verdict:
    if said.rows != found.rows or (comparable and said.digest != found.digest):
        return "other"
    return "equal" if comparable else "unknown"


async def digest_state(tx: TenantTx, projections: Sequence[Projection]) -> StateDigested:
    """Of what the transaction sees, which has to be one state for all of its statements: REPEATABLE READ."""
    size = await tx.fetchval(SIZE, tx.tenant_id)
    tables = await digested_tables(tx, [table for projection in projections for table in projection.tables])
    return StateDigested(size=size, tables=[await digest_table(tx, table, table.columns) for table in tables])


SIZE = "SELECT size FROM app.log_head WHERE tenant_id = $1"
