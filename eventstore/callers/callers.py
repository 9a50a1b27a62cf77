"""API keys at rest: their hashes under a pepper, and the look-up of who asks (spec 06, section 4.1)."""

import hmac
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from config.keys import Key
from domain.caller import Caller, Role
from domain.tenant_settings import read_settings
from eventstore.database.transaction import Database, TenantTx

FIND = "SELECT * FROM app.find_caller($1)"

STORE_HASH = """
    INSERT INTO app.api_key_hash (tenant_id, key_id, pepper_kid, hash)
    VALUES ($1, $2, $3, $4)
"""


class UnknownKey(Exception):
    """No such key, or one that is revoked or expired: the three are never told apart."""


class TenantInactive(Exception):
    """The key is good and its tenant is not active."""


def key_hash(pepper: Key, raw_key: str) -> bytes:
    """32 bytes. Whoever can write rows but has no pepper cannot make a key that works."""
    return hmac.digest(pepper.secret, raw_key.encode(), sha256)


async def store_key_hash(tx: TenantTx, key_id: UUID, pepper: Key, raw_key: str) -> None:
    """In the transaction of the key's creation."""
    await tx.execute(STORE_HASH, tx.tenant_id, key_id, pepper.kid, key_hash(pepper, raw_key))


async def find_caller(database: Database, peppers: Sequence[Key], raw_key: str, now: datetime) -> Caller:
    """Raises UnknownKey, TenantInactive, DatabaseUnavailable."""
    hashes = [key_hash(pepper, raw_key) for pepper in peppers]
    row = await database.ask(FIND, hashes)
    if row is None or not any(hmac.compare_digest(row["hash"], each) for each in hashes):
        raise UnknownKey
    if row["revoked_at"] is not None or (row["expires_at"] is not None and row["expires_at"] <= now):
        raise UnknownKey
    if row["tenant_status"] != "active":
        raise TenantInactive
    return Caller(
        tenant_id=row["tenant_id"], key_id=row["key_id"], key_name=row["name"], role=Role(row["role"]),
        agent_id=row["agent_id"],
        requests_per_minute=read_settings(row["tenant_settings"]).rate_limit_requests_per_minute,
    )  # fmt: skip
