"""A batch takes as many statements as a lone command, whatever its size."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from domain.event import Recorded
from eventstore.database.transaction import Database, TenantTx
from eventstore.log.lane import InlineProjection, Writer
from projections.inline import INLINE, MODELS
from tests.eventstore.writing import new_project, store
from tests.support.database import TestDatabase

OF_A_BATCH = [
    "SELECT size, last_leaf,",  # the head
    "SELECT asked.slug, (SELECT",  # what the decisions need: one for each model
    "SELECT count(*) FROM",
    "SELECT asked.id AS",  # the ends of the streams
    "SELECT app.append_batch( $1,",
    "INSERT INTO app.project",  # one for each inline read model that the events touch
    "INSERT INTO app.audit_index",
]
"""Between BEGIN and COMMIT, in a process that knows nothing yet."""


class Listening(TenantTx):
    """Passes every statement on, and keeps how it begins."""

    def __init__(self, tx: TenantTx, heard: list[str]) -> None:
        self.tenant_id = tx.tenant_id
        self.before = tx.before
        self._tx = tx
        self._heard = heard

    async def fetch(self, query: str, *arguments: object) -> Any:
        self._hear(query)
        return await self._tx.fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: object) -> Any:
        self._hear(query)
        return await self._tx.fetchrow(query, *arguments)

    async def fetchval(self, query: str, *arguments: object) -> Any:
        self._hear(query)
        return await self._tx.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: object) -> str:
        self._hear(query)
        return await self._tx.execute(query, *arguments)

    def _hear(self, query: str) -> None:
        self._heard.append(" ".join(query.split()[:3]))


class Heard(Database):
    statements: list[list[str]]
    """Of each transaction."""

    async def run_to_end(self, tenant_id: UUID, work: Callable[[TenantTx], Awaitable[Any]]) -> Any:
        heard: list[str] = []
        self.statements.append(heard)
        return await super().run_to_end(tenant_id, lambda tx: work(Listening(tx, heard)))


async def statements(log_database: TestDatabase, size: int, *more: InlineProjection) -> list[list[str]]:
    """Of the transactions that ``size`` commands take which wait together, on a log of their own."""
    database = await Heard.connect(log_database.app_url, role="loopctl_app", max_size=2)
    database.statements = []
    tenant = uuid4()
    async with database.tenant_transaction(tenant) as tx:
        await tx.execute("SELECT app.open_log($1)", tenant)
    writer = Writer(msgspec.structs.replace(store(database), models=MODELS, projections=[*INLINE, *more]))
    commands = [new_project(f"p{number}", f"key-{number}") for number in range(size)]
    replies = await asyncio.gather(*(writer.submit(tenant, command) for command in commands))
    await database.close()
    assert sorted(reply.position or 0 for reply in replies) == list(range(size))
    return database.statements


@pytest.mark.parametrize("size", [1, 64, 512])
async def test_a_batch_takes_the_same_statements_whatever_its_size(log_database: TestDatabase, size: int) -> None:
    assert await statements(log_database, size) == [OF_A_BATCH]


async def test_a_read_model_with_a_statement_for_each_event_is_found(log_database: TestDatabase) -> None:
    """The control."""

    async def one_by_one(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
        for _ in recorded:
            await tx.execute("SELECT 1")

    (batch,) = await statements(log_database, 64, one_by_one)
    assert batch == [*OF_A_BATCH, *["SELECT 1"] * 64]
