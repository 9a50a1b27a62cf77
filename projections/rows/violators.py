"""Violators: a row for each event that tells of a violation, and what a person has made of it."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from msgspec import Struct

from domain.event import Recorded
from domain.violator import VIOLATOR_EVENTS, Violator, evolve_violator, violator_of
from eventstore.database.transaction import SystemTx, TenantTx
from projections.rows.entity import Entity

VIOLATORS = Entity(name="violator", state=Violator, identity="violator_id", evolve=evolve_violator)
TABLES = ("app.violator",)

SETTLE = """
    UPDATE app.violator AS v
       SET status = said.status, resolved_at = said.resolved_at, resolution_note = said.resolution_note,
           position = said.position
      FROM json_populate_recordset(NULL::app.violator, $2::json) AS said
     WHERE v.tenant_id = $1 AND v.violator_id = said.violator_id
"""

PAGE = "SELECT tenant_id, violator_id, total FROM app.find_violators($1, $2, $3, $4, $5)"

WHOSE = "SELECT app.find_violator($1)"


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    """First what is new, so that in a rebuild what was said of it finds it there."""
    found = [violator for each in recorded if (violator := violator_of(tx.tenant_id, each))]
    if found:
        await tx.execute(VIOLATORS.insert, tx.tenant_id, msgspec.json.encode(found).decode())
    said = {each.stream.id: each for each in recorded if VIOLATOR_EVENTS.has(each.event)}  # the last counts
    if said:
        known = await VIOLATORS.load(tx, list(said))
        after = [evolve_violator(known[id_], each) for id_, each in said.items() if id_ in known]
        await tx.execute(SETTLE, tx.tenant_id, msgspec.json.encode(after).decode())


class Which(Struct, frozen=True):
    """None: of all."""

    tenant_id: UUID | None = None
    violation_type: str | None = None
    status: str | None = None


async def find_violators(
    tx: SystemTx, which: Which, limit: int, offset: int
) -> tuple[Sequence[tuple[UUID, UUID]], int]:
    """Tenant and id of each, the newest first, and how many there are on all pages. ``limit`` up to 100."""
    asked = (which.tenant_id, which.violation_type, which.status)
    rows = await tx.fetch(PAGE, *asked, limit, offset)
    counted = rows or (await tx.fetch(PAGE, *asked, 1, 0) if offset else [])
    return [(row["tenant_id"], row["violator_id"]) for row in rows], counted[0]["total"] if counted else 0


async def find_tenant_of(tx: SystemTx, violator_id: UUID) -> UUID | None:
    """Whose it is; None when there is none."""
    found: UUID | None = await tx.fetchval(WHOSE, violator_id)
    return found
