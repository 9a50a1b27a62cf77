"""UI test runs, as their events leave them, and a row for each finding."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs

from domain.event import Recorded
from domain.ui_test_run import UiTestFindingAdded, UiTestRun, evolve_ui_test_run
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model
from projections.rows.entity import Entity

TABLES = ("app.ui_test_run", "app.ui_test_finding")
UI_TEST_RUNS = Entity(name="ui_test_run", state=UiTestRun, identity="run_id", evolve=evolve_ui_test_run, replaces=True)

INSERT_FINDINGS = """
    INSERT INTO app.ui_test_finding
    SELECT *
      FROM json_populate_recordset(
               jsonb_populate_record(NULL::app.ui_test_finding, jsonb_build_object('tenant_id', $1::uuid)), $2::json)
"""

FINDINGS = """
    SELECT f.*
      FROM app.ui_test_finding AS f
     WHERE f.tenant_id = $1 AND f.run_id = ANY ($2::uuid[])
     ORDER BY f.position
"""

LIST = """
    SELECT r.*, count(*) OVER () AS total
      FROM app.ui_test_run AS r
     WHERE r.tenant_id = $1 AND r.project_id = $2 AND ($3::text IS NULL OR r.status = $3)
     ORDER BY r.created_at DESC, r.run_id DESC
     LIMIT $4 OFFSET $5
"""

Finding = Mapping[str, Any]
"""With the names of the columns."""


class FindingsOfRun(Model[UUID, tuple[Finding, ...]]):
    """By run, the first first."""

    name = "ui_test_findings"
    volatile = True
    events = (UiTestFindingAdded,)

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, tuple[Finding, ...]]:
        found: dict[UUID, tuple[Finding, ...]] = {}
        for row in await tx.fetch(FINDINGS, tx.tenant_id, list(keys)):
            found[row["run_id"]] = (*found.get(row["run_id"], ()), dict(row))
        return found

    def initial(self, _: UUID) -> tuple[Finding, ...]:
        return ()

    def touched(self, recorded: Recorded) -> Sequence[UUID]:
        return [recorded.stream.id]

    def evolve(self, findings: tuple[Finding, ...], recorded: Recorded) -> tuple[Finding, ...]:
        added: Any = recorded.event
        return (*findings, _row_of(recorded, added))


FINDINGS_OF_RUN = FindingsOfRun()


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    await UI_TEST_RUNS.apply(tx, recorded)
    rows = [_row_of(each, each.event) for each in recorded if isinstance(each.event, UiTestFindingAdded)]
    if rows:
        await tx.execute(INSERT_FINDINGS, tx.tenant_id, msgspec.json.encode(rows).decode())


async def find_run(tx: TenantTx, run_id: UUID) -> tuple[UiTestRun, Sequence[Finding]] | None:
    run = (await UI_TEST_RUNS.load(tx, [run_id])).get(run_id)
    return (run, [dict(row) for row in await tx.fetch(FINDINGS, tx.tenant_id, [run_id])]) if run else None


async def list_runs(
    tx: TenantTx, project_id: UUID, status: str | None, limit: int, offset: int
) -> tuple[Sequence[UiTestRun], int]:
    """Newest first; and how many there are on all pages."""
    rows = await tx.fetch(LIST, tx.tenant_id, project_id, status, limit, offset)
    counted = rows or (await tx.fetch(LIST, tx.tenant_id, project_id, status, 1, 0) if offset else [])
    return [UI_TEST_RUNS.from_row(row) for row in rows], counted[0]["total"] if counted else 0


def _row_of(recorded: Recorded, event: UiTestFindingAdded) -> Finding:
    said = {
        name: value for name, value in structs.asdict(event).items() if name not in ("project_id", "findings_count")
    }
    return {**said, "run_id": recorded.stream.id, "recorded_at": recorded.at, "position": recorded.position}
