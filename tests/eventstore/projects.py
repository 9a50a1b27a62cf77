"""Statements on the sample table, in the shape that the product's own have."""

from uuid import UUID, uuid4

from eventstore.database.transaction import SystemTx, TenantTx

INSERT = "INSERT INTO app.sample_project (tenant_id, project_id, name) VALUES ($1, $2, $3)"
IDS = "SELECT project_id FROM app.sample_project ORDER BY project_id LIMIT 100000"


async def add(tx: TenantTx, name: str = "a project") -> UUID:
    project_id = uuid4()
    await tx.execute(INSERT, tx.tenant_id, project_id, name)
    return project_id


async def ids(tx: TenantTx | SystemTx) -> set[UUID]:
    return {row["project_id"] for row in await tx.fetch(IDS)}
