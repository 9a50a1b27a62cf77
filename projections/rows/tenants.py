"""Tenants, as their events leave them, and beside them what is personal and in no log."""

from uuid import UUID

from domain.tenant import Tenant, evolve_tenant
from eventstore.database.transaction import SystemTx, TenantTx
from projections.rows.entity import Entity

# In place: nobody but the owner of the table can delete a tenant.
TENANTS = Entity(name="tenant", state=Tenant, identity="tenant_id", evolve=evolve_tenant, replaces=True)

ONE = "SELECT * FROM app.tenant WHERE tenant_id = $1"

EMAIL = "SELECT email FROM app.tenant_contact WHERE tenant_id = $1"

STORE_EMAIL = """
    INSERT INTO app.tenant_contact (tenant_id, email)
    VALUES ($1, $2)
        ON CONFLICT (tenant_id) DO UPDATE SET email = excluded.email
"""

HAS_LOG_KEY = """
    SELECT EXISTS (SELECT FROM app.log_key WHERE tenant_id = $1 AND purpose = 'log' AND last_size IS NULL)
"""

PAGE = "SELECT tenant_id, total FROM app.find_tenants($1, $2, $3, $4)"


async def find_tenant(tx: TenantTx) -> Tenant | None:
    """The tenant of the transaction; None for an id that no tenant has."""
    row = await tx.fetchrow(ONE, tx.tenant_id)
    return TENANTS.from_row(row) if row else None


async def find_email(tx: TenantTx) -> str | None:
    found: str | None = await tx.fetchval(EMAIL, tx.tenant_id)
    return found


async def store_email(tx: TenantTx, email: str) -> None:
    """Raises asyncpg.UniqueViolationError, of the index ``EMAIL_INDEX``, when another tenant has it."""
    await tx.execute(STORE_EMAIL, tx.tenant_id, email)


EMAIL_INDEX = "tenant_contact_email"


async def has_log_key(tx: TenantTx) -> bool:
    found: bool = await tx.fetchval(HAS_LOG_KEY, tx.tenant_id)
    return found


async def find_tenants(
    tx: SystemTx, status: str | None, search: str | None, limit: int, offset: int
) -> tuple[list[UUID], int]:
    """Ids by name, and how many there are on all pages. ``limit`` up to 100."""
    rows = await tx.fetch(PAGE, status, search, limit, offset)
    counted = rows or (await tx.fetch(PAGE, status, search, 1, 0) if offset else [])
    return [row["tenant_id"] for row in rows], counted[0]["total"] if counted else 0
