"""API keys at rest: their hashes under a pepper, and the look-up of who asks (spec 06, section 4.1)."""

import hmac
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

from config.keys import Key
from domain.caller import Caller, PublishedHead, Role
from domain.tenant_settings import read_settings
from eventstore.database.transaction import Database, TenantTx
from eventstore.heads.marks import marks_of

FIND = """
    SELECT c.*, h.size AS head_size, h.root AS head_root, h.note AS head_note
      FROM app.find_caller($1) AS c
      LEFT JOIN LATERAL app.newest_head(c.tenant_id) AS h ON true
"""

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
    settings = read_settings(row["tenant_settings"])
    return Caller(
        tenant_id=row["tenant_id"], key_id=row["key_id"], key_name=row["name"], role=Role(row["role"]),
        agent_id=row["agent_id"], agent_type=row["agent_type"], lineage=tuple(row["lineage"]),
        minters=tuple(row["minters"]), human_root=row["human_root"],
        requests_per_minute=settings.rate_limit_requests_per_minute,
        require_capabilities=settings.require_capabilities, verifier_binding=settings.verifier_binding,
        witness_mode=settings.witness_mode, head=_head(row["head_size"], row["head_root"], row["head_note"]),
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _head(size: int | None, root: bytes, note: bytes) -> PublishedHead | None:
    return None if size is None else PublishedHead(size, root, marks_of(note)[-1])
