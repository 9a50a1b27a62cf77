"""The smallest domain that exercises a whole command: notes on many entities, with up to three read models."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID, uuid4

import asyncpg

from domain.errors import Rejected
from domain.event import Event, Recorded, Stream
from eventstore.database.transaction import Database, TenantTx
from eventstore.log.codec import Codec
from eventstore.log.command import Change, Command, IdempotencyKey, Known, Model, Origin, Reply
from eventstore.log.lane import InlineProjection, Store

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
AGENT = UUID(int=7)
TABLES = ("app.bench_note_1", "app.bench_note_2", "app.bench_note_3")

TABLE = """
    CREATE TABLE {table} (
        tenant_id uuid   NOT NULL,
        entity_id uuid   NOT NULL,
        notes     bigint NOT NULL,
        position  bigint NOT NULL,
        PRIMARY KEY (tenant_id, entity_id)
    );
    GRANT SELECT, INSERT, UPDATE ON {table} TO loopctl_app;
    CALL app.secure_tenant_table('{table}');
"""

APPLY = """
    INSERT INTO {table} AS known (tenant_id, entity_id, notes, position)
    SELECT $1, entity, notes, position
      FROM unnest($2::uuid[], $3::bigint[], $4::bigint[]) AS given (entity, notes, position)
        ON CONFLICT (tenant_id, entity_id)
        DO UPDATE SET notes = known.notes + excluded.notes, position = excluded.position
"""

LOAD = """
    SELECT asked.id,
           (SELECT n.notes FROM app.bench_note_1 AS n WHERE n.tenant_id = $1 AND n.entity_id = asked.id LIMIT 1)
      FROM unnest($2::uuid[]) AS asked (id)
"""


class Noted(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "bench.noted"
    agent_id: str
    text: str


class Notes(Model[UUID, int]):
    """How many an entity has."""

    name = "notes"
    events = (Noted,)

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, int]:
        return {row[0]: row[1] or 0 for row in await tx.fetch(LOAD, tx.tenant_id, list(keys))}

    def initial(self, _: UUID) -> int:
        return 0

    def touched(self, recorded: Recorded) -> Sequence[UUID]:
        return [recorded.stream.id]

    def evolve(self, count: int, _: Recorded) -> int:
        return count + 1


NOTES = Notes()


async def make_tables(migrator_url: str) -> None:
    connection = await asyncpg.connect(migrator_url)
    await connection.execute("SET ROLE loopctl_owner")
    for table in TABLES:
        await connection.execute(TABLE.format(table=table))
    await connection.close()


def store(database: Database, read_models: int) -> Store:
    return Store(
        database=database, codec=Codec([Noted]), models={NOTES.name: NOTES},
        projections=[_projection(table) for table in TABLES[:read_models]],
        now=lambda: NOON, committed=lambda _, __: None,
    )  # fmt: skip


def note(entity: Stream, key: str, *, reads: bool) -> Command:
    """``reads``: the decision needs to know how many there are; without, it decides on nothing."""
    need = NOTES.need(entity.id)

    def decide(known: Known) -> Sequence[Change]:
        if reads and known[need] > 10**9:
            raise Rejected("full")
        return [Change(entity, Noted(agent_id=str(AGENT), text="a sentence as long as those that agents write"))]

    return Command(
        origin=Origin(
            actor=("agent:0194a7a0-0000-7000-8000-000000000001",), at=NOON, refuse=_refused,
            idempotency=IdempotencyKey(AGENT, key, hashlib.sha256(key.encode()).digest()),
        ),
        needs=(need,) if reads else (), streams=(entity,), decide=decide, answer=_done,
    )  # fmt: skip


def entity() -> Stream:
    return Stream("note", uuid4())


def _projection(table: str) -> InlineProjection:
    statement = APPLY.format(table=table)

    async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
        counts: dict[UUID, int] = {}
        for each in recorded:
            counts[each.stream.id] = counts.get(each.stream.id, 0) + 1
        ends = {each.stream.id: each.position for each in recorded}
        await tx.execute(statement, tx.tenant_id, list(counts), list(counts.values()), [ends[each] for each in counts])

    return apply


def _done(_: Known, __: Sequence[Recorded]) -> object:
    return {"status": "noted"}


def _refused(refusal: Rejected) -> Reply:
    return Reply(422, refusal.code.encode())
