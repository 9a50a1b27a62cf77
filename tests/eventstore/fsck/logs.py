"""Logs to be checked, and the ways in which the tests ask for a check."""

from typing import Any
from uuid import UUID

from eventstore.database.transaction import Database
from eventstore.fsck.check import LogCheck, Wanted, check_log
from eventstore.heads.signing import current_checkpoint
from tests.eventstore.growing import KEYRING, grow, opened_log

HEADS = (100, 300, 600)
SIZE = 700
"""Of the log: the newest hundred entries are under no head yet."""


async def signed_log(app: Database, heads: tuple[int, ...] = HEADS, size: int = SIZE) -> UUID:
    tenant = await opened_log(app)
    grown = 0
    for head in heads:
        await grow(app, tenant, head - grown)
        grown = head
        await sign(app, tenant)
    await grow(app, tenant, size - grown)
    return tenant


async def sign(app: Database, tenant: UUID) -> int:
    async with app.tenant_transaction(tenant) as tx:
        return (await current_checkpoint(tx, KEYRING)).size


async def checked(app: Database, tenant: UUID, **wanted: Any) -> LogCheck:
    return await check_log(app.tenant_transaction, tenant, Wanted(**wanted))


def place(check: LogCheck) -> tuple[str, str] | None:
    """Code and place of what was found."""
    return None if check.fault is None else (check.fault.code, check.fault.place)
