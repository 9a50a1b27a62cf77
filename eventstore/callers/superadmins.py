"""Keys of superadmins, who belong to no tenant: made on the server, found by hash."""

import hmac
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from config.keys import Key
from domain.api_key import shown_prefix
from eventstore.callers.callers import key_hash
from eventstore.database.transaction import Database, SystemTx

STORE = """
    INSERT INTO app.superadmin_key (key_id, name, key_prefix, pepper_kid, hash, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
"""

LIST = "SELECT key_id, name, key_prefix, created_at, revoked_at FROM app.superadmin_key ORDER BY created_at, key_id"

REVOKE = "UPDATE app.superadmin_key SET revoked_at = $2 WHERE key_id = $1 AND revoked_at IS NULL"

FIND = "SELECT key_id, hash, name FROM app.find_superadmin($1)"


class Superadmin(Struct, frozen=True):
    key_id: UUID
    name: str


class ListedSuperadmin(Struct, frozen=True):
    id: UUID
    name: str
    key_prefix: str
    created_at: datetime
    revoked_at: datetime | None


async def list_superadmins(tx: SystemTx) -> list[ListedSuperadmin]:
    """In the order in which they were made, those that were revoked among them. ``tx`` is the owner's."""
    return [
        ListedSuperadmin(row["key_id"], row["name"], row["key_prefix"], row["created_at"], row["revoked_at"])
        for row in await tx.fetch(LIST)
    ]


async def revoke_superadmin(tx: SystemTx, key_id: UUID, at: datetime) -> None:
    """From the next request on no API process finds it: none remembers one. A second time changes nothing."""
    await tx.execute(REVOKE, key_id, at)


async def store_superadmin(tx: SystemTx, superadmin: Superadmin, pepper: Key, raw_key: str, at: datetime) -> None:
    """``tx`` is the owner's: the service itself can make no such key."""
    hashed = key_hash(pepper, raw_key)
    await tx.execute(STORE, superadmin.key_id, superadmin.name, shown_prefix(raw_key), pepper.kid, hashed, at)


async def find_superadmin(database: Database, peppers: Sequence[Key], raw_key: str) -> Superadmin | None:
    """None for any other key, and for one that was revoked. Raises DatabaseUnavailable."""
    hashes = [key_hash(pepper, raw_key) for pepper in peppers]
    async with database.system_transaction() as tx:
        row = await tx.fetchrow(FIND, hashes)
    if row is None or not any(hmac.compare_digest(row["hash"], each) for each in hashes):
        return None
    return Superadmin(row["key_id"], row["name"])
