"""What a batch of transitions looks up and moves is found by key, also when plans were made while tables were empty."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from eventstore.database.transaction import Database
from projections.look_up import LOOK_UP
from projections.moves import COMMIT
from projections.rows.epic_progress import NOTHING, OPEN
from projections.rows.stories import REPLACE_ROWS
from projections.rows.work_queue import ENTER
from tests.eventstore.log.test_commit_moves import APPENDED, MOVED, STORIES, opened_log, story
from tests.support.database import TestDatabase, connected

MANY = 5000
USED = """
    SELECT indexrelid::regclass::text AS index
      FROM pg_index
     WHERE pg_stat_get_xact_numscans(indexrelid) > $1
       AND indrelid::regclass::text ~ '^(app\\.)?(story|epic|agent|api_key|tenant|work_queue|log_entry)'
     ORDER BY 1
"""
"""Indexes of which this transaction has looked so often."""
BY_KEY = {
    "agent_pkey", "api_key_pkey", "tenant_pkey", "story_pkey", "story_text_pkey", "epic_pkey", "epic_progress_pkey",
    "work_queue_pkey", "work_queue_epic", "log_entry_stream", "story_dependency_edge", "story_dependency_back",
    "epic_dependency_edge", "epic_dependency_back",
}  # fmt: skip


@pytest.fixture
async def app(database: TestDatabase) -> AsyncIterator[Database]:
    """With one connection, which keeps its plans."""
    opened = await connected(database.app_url, role="loopctl_app", max_size=1)
    yield opened
    await opened.close()


def looked(tenant: UUID, *ids: UUID) -> tuple[Any, ...]:
    return (tenant, *[ids] * 10)


def moved(epic: UUID, *rows: dict[str, Any]) -> tuple[Any, ...]:
    """Stories, one of which has come back into the queue, was shown otherwise and moves its epic."""
    stories, ids = msgspec.json.encode(rows).decode(), [row["story_id"] for row in rows]
    shown = [{**row, "pending": True, "waits_for": 0} for row in rows]
    progress = [{**NOTHING, "epic_id": epic, "pending": 1}]
    more = [ids[1:], msgspec.json.encode(shown[:1]).decode(), msgspec.json.encode(progress).decode(), ids[:1], ids[:1]]
    return (*MOVED[:STORIES], stories, *more, *MOVED[STORIES + 6 :])


async def test_rows_are_found_by_their_keys(app: Database) -> None:
    tenant = await opened_log(app)
    rows = [msgspec.to_builtins(story(uuid4())) for _ in range(MANY)]
    for number, row in enumerate(rows):
        row["number"] = str(number)
    few, epic = rows[:2], UUID(rows[0]["epic_id"])
    await app.ask(LOOK_UP, *looked(tenant, UUID(rows[0]["story_id"])))
    await app.call(COMMIT, tenant, *APPENDED, *moved(epic, *few))
    encoded = msgspec.json.encode(rows).decode()
    queued = msgspec.json.encode([{**row, "pending": True, "waits_for": 0} for row in rows]).decode()
    async with app.tenant_transaction(tenant) as tx:
        await tx.execute(REPLACE_ROWS, tenant, encoded)
        await tx.execute(ENTER, tenant, queued)
        epics = [UUID(row["epic_id"]) for row in rows]
        await tx.execute(OPEN, tenant, epics, epics)
    async with app.tenant_transaction(tenant) as tx:
        await tx.fetchrow(LOOK_UP, *looked(tenant, UUID(rows[0]["story_id"])))
        await tx.execute(COMMIT, tenant, *APPENDED, *moved(epic, *few))
        used = {row["index"].removeprefix("app.") for row in await tx.fetch(USED, 0)}
        assert used <= BY_KEY
        assert used >= {"story_pkey", "story_text_pkey", "epic_progress_pkey", "work_queue_pkey", "log_entry_stream"}
        await tx.fetch("SELECT title FROM app.story WHERE tenant_id = $1 AND epic_id = $2", tenant, epic)  # the control
        assert {row["index"].removeprefix("app.") for row in await tx.fetch(USED, 0)} - BY_KEY
