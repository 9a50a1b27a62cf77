"""A page by a filter walks the index that fits it, no further than it answers, even before there are statistics."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from eventstore.database.transaction import TenantTx
from projections.inline import INLINE
from projections.queries.audit_trail import BEGINNING, END, TRAIL, WHOLE
from projections.queries.change_feed import CHANGES
from tests.eventstore.writing import store
from tests.support.database import TestDatabase, connected
from tests.support.events import new_project, new_story, put

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
WALKED = re.compile(r"using (audit_index_\w+) on audit_index\S* \w+\s+\(cost=[^)]*\) \(actual rows=([0-9.]+)")


@pytest.fixture
async def tx(database: TestDatabase) -> AsyncIterator[TenantTx]:
    """In a log of 3,000 entries; its tables have no statistics, as when they have just grown."""
    opened = await connected(database.app_url, role="loopctl_app")
    tenant, project, other = uuid4(), new_project(), new_project()
    async with opened.tenant_transaction(tenant) as tx:
        await tx.execute("SELECT app.open_log($1)", tenant)
    whole: Any = msgspec.structs.replace(store(opened), projections=INLINE)
    for start in range(3):
        stories = (new_story((project, other)[number % 2][0], f"{start}.{number}") for number in range(1000))
        await put(whole, tenant, *([project, other] if not start else []), *stories, at=NOON)
    async with opened.tenant_transaction(tenant) as tx:
        yield tx
    await opened.close()


async def walked(tx: TenantTx, statement: str, *arguments: object) -> dict[str, float]:
    """The indexes that a generic plan, which knows no values, has walked, and how many rows each gave."""
    await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    explained = "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, BUFFERS OFF)" + statement
    lines = "\n".join(row[0] for row in await tx.fetch(explained, *arguments))
    assert "Seq Scan" not in lines, lines
    return {name: float(rows) for name, rows in WALKED.findall(lines) if float(rows)}


@pytest.mark.parametrize(
    ("way", "filters", "index"),
    [
        ("project_id", (None, None, None), "audit_index_project"),
        ("action", (None, "created", None), "audit_index_action"),
        ("entity_type", (None, None, "story"), "audit_index_type"),
    ],
)
async def test_a_page_of_the_feed_reads_no_more_than_it_answers(
    tx: TenantTx, way: str, filters: tuple[object, ...], index: str
) -> None:
    project: UUID = await tx.fetchval("SELECT project_id FROM app.project WHERE tenant_id = $1 LIMIT 1", tx.tenant_id)
    given = (project, *filters[1:]) if way == "project_id" else filters
    found = await walked(tx, CHANGES, tx.tenant_id, way, 500, *given, None, 5000, 101)
    assert found == {index: 101}


@pytest.mark.parametrize(("way", "filters", "index"), [("action", ("created", None), "audit_index_action")])
async def test_a_page_of_the_trail_reads_no_more_than_it_answers(
    tx: TenantTx, way: str, filters: tuple[object, ...], index: str
) -> None:
    given = (None, None, None, *filters, None, BEGINNING, END, 20, 0, WHOLE, False)
    assert await walked(tx, TRAIL, tx.tenant_id, way, *given) == {index: 20}
