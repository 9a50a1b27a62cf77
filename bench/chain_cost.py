"""What the tree costs over a bare hash chain (spec 05, R6): throughput, and bytes of WAL for each entry.

The bare chain has the same entries, the same two indexes, a head row and the same checks of hash and link in SQL; it
has neither frontier nor tiles. Both are written by one caller, one transaction for each batch.
"""

import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import asyncpg
import uvloop

from bench.append import Bench, bench
from bench.notes import NOON, Noted, entity
from bench.table import at_least, at_most, median, tell_machine
from domain.event import Recorded
from eventstore.log.append import Head, NewEvent, append, encode_batch, entry_of, read_head
from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.entry import encode_entry
from loopctl.tlog.hashing import leaf_hash
from loopctl.tlog.tree import Frontier

ENTRIES = 6_400
REPETITIONS = 3
SCHEMA = """
    CREATE TABLE app.bench_chain_head (
        tenant_id uuid PRIMARY KEY, size bigint NOT NULL, last_leaf bytea NOT NULL) WITH (fillfactor = 20);
    CREATE TABLE app.bench_chain (LIKE app.log_entry INCLUDING ALL);
    CALL app.secure_tenant_table('app.bench_chain');
    CALL app.secure_tenant_table('app.bench_chain_head');
    CREATE FUNCTION app.bench_chain_append(
        tenant uuid, head_size bigint, entries bytea[], leaf_hashes bytea[], stream_ids uuid[],
        stream_versions integer[])
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        head app.bench_chain_head;
    BEGIN
        SELECT * INTO head FROM app.bench_chain_head AS h WHERE h.tenant_id = tenant FOR UPDATE;
        IF head.size IS DISTINCT FROM head_size OR EXISTS (
            SELECT FROM (SELECT head_size + i - 1 AS place, entry, leaf,
                                lag(leaf, 1, head.last_leaf) OVER (ORDER BY i) AS previous
                           FROM unnest(entries, leaf_hashes) WITH ORDINALITY AS given (entry, leaf, i)) AS e
             WHERE e.leaf IS DISTINCT FROM sha256('\\x00'::bytea || e.entry)
                OR NOT starts_with(
                       encode(substr(e.entry, 1, 100), 'escape'),
                       '{"v":1,"seq":' || e.place || ',"prev":"' || encode(e.previous, 'base64') || '",'))
        THEN
            RAISE EXCEPTION 'not the next of the chain';
        END IF;
        INSERT INTO app.bench_chain (tenant_id, position, stream_version, stream_id, leaf_hash, entry)
        SELECT tenant, head_size + i - 1, version, stream, leaf, entry
          FROM unnest(entries, leaf_hashes, stream_ids, stream_versions)
               WITH ORDINALITY AS given (entry, leaf, stream, version, i);
        UPDATE app.bench_chain_head AS h
           SET size = head_size + cardinality(entries), last_leaf = leaf_hashes[cardinality(leaf_hashes)]
         WHERE h.tenant_id = tenant;
    END
    $$;
    GRANT EXECUTE ON FUNCTION app.bench_chain_append TO loopctl_app;
"""
CHAIN_APPEND = "SELECT app.bench_chain_append($1, $2, $3, $4, $5, $6)"
LSN = "SELECT pg_current_wal_insert_lsn() - '0/0'"


async def measure() -> None:
    async with bench() as on:
        await tell_machine(on.server.admin_url)
        owner = await asyncpg.connect(on.server.migrator_url)
        await owner.execute("SET ROLE loopctl_owner")
        await owner.execute(SCHEMA)
        await owner.close()
        for batch, most in ((64, 60), (1, 300)):
            found: dict[str, list[tuple[float, float]]] = {"ours": [], "chain": []}
            for _ in range(REPETITIONS):
                found["ours"].append(await _measured(on, batch, _ours))
                found["chain"].append(await _measured(on, batch, _chain))
            (rate, wal), (bare_rate, bare_wal) = (
                [median(column) for column in zip(*each, strict=True)] for each in found.values()
            )
            beside = f"{rate:,.0f} / {bare_rate:,.0f} entries/s"
            at_least(f"throughput / a bare hash chain's, batch {batch}", rate / bare_rate, 0.9, beside)
            beside = f"{wal:.0f} / {bare_wal:.0f} bytes"
            at_most(f"bytes of WAL over the bare chain's, batch {batch}", wal - bare_wal, most, beside)


Write = Callable[[Bench, UUID, Head, list[NewEvent]], Awaitable[Head]]


async def _measured(on: Bench, batch: int, write: Write) -> tuple[float, float]:
    """Entries a second, and bytes of WAL for each; the checkpoint before keeps full-page images out of both alike."""
    tenant, entries = await on.new_log(), ENTRIES if batch > 1 else ENTRIES // 8
    admin = await asyncpg.connect(on.server.admin_url)
    await admin.execute("INSERT INTO app.bench_chain_head VALUES ($1, 0, decode(repeat('00', 32), 'hex'))", tenant)
    await admin.execute("CHECKPOINT")
    head, streams = Head(), [entity() for _ in range(batch)]
    before, began = await admin.fetchval(LSN), time.perf_counter()
    for number in range(entries // batch):
        events = [
            NewEvent(
                Recorded(head.size + place, stream, number, NOON, ("agent:ann",), NOTE),
                head.size + place - batch if number else None, DATA,
            )
            for place, stream in enumerate(streams)
        ]  # fmt: skip
        head = await write(on, tenant, head, events)
    seconds, after = time.perf_counter() - began, await admin.fetchval(LSN)
    await admin.close()
    return entries / seconds, float(after - before) / entries


NOTE = Noted(agent_id=str(uuid4()), text="a sentence as long as those that agents write")
DATA = canonical_json(NOTE)


async def _ours(on: Bench, tenant: UUID, head: Head, events: list[NewEvent]) -> Head:
    async with on.database.tenant_transaction(tenant) as tx:
        if not head.size:
            head = await read_head(tx)
        written = encode_batch(head, events, at=NOON)
        await append(tx, written)
    return written.new_head


async def _chain(on: Bench, tenant: UUID, head: Head, events: list[NewEvent]) -> Head:
    """The same bytes without the tree."""
    made, previous = [], head.last_leaf
    for new in events:
        entry = encode_entry(entry_of(new, previous, secrets.token_bytes(16)))
        previous = leaf_hash(entry)
        made.append((entry, previous))
    async with on.database.tenant_transaction(tenant) as tx:
        await tx.execute(
            CHAIN_APPEND, tenant, head.size, [entry for entry, _ in made], [leaf for _, leaf in made],
            [each.recorded.stream.id for each in events], [each.recorded.version for each in events],
        )  # fmt: skip
    return Head(previous, Frontier(head.size + len(events), ()))


def main(_: list[str]) -> int:
    uvloop.run(measure())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
