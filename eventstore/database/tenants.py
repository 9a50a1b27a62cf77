"""Which tenants there are: for what the service does for each of them by itself."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import Database

PAGE = "SELECT tenant_id, slug, name, status, created_at FROM app.list_tenants($1, $2)"
PAGE_SIZE = 500

BEFORE_ALL = UUID(int=0)


class ListedTenant(Struct, frozen=True):
    id: UUID
    slug: str
    name: str
    status: str
    created_at: datetime


async def each_tenant(database: Database) -> AsyncIterator[ListedTenant]:
    """By id, a page at a time, each page in a transaction of its own. Raises DatabaseUnavailable."""
    after = BEFORE_ALL
    while True:
        async with database.system_transaction() as tx:
            rows = await tx.fetch(PAGE, after, PAGE_SIZE)
        for row in rows:
            yield ListedTenant(row["tenant_id"], row["slug"], row["name"], row["status"], row["created_at"])
        if len(rows) < PAGE_SIZE:
            return
        after = rows[-1]["tenant_id"]
