"""Sessions of people in a browser: in no log, known by the hash of their cookie, ended by time or by hand."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.caller import NO_TENANT, Caller, Role, superadmin_caller
from domain.tenant_settings import read_settings
from eventstore.database.transaction import SystemTx, TenantTx

IDLE = timedelta(minutes=30)
LASTS = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)
"""More often nothing is written for a session that is used."""
MOST_LISTED = 100

START = """
    INSERT INTO app.web_session
        (tenant_id, session_id, token_hash, authenticator_id, sign_count, key_id, browser, created_at, seen_at,
         expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)
"""

# A key that is revoked and a security key that is removed end their sessions by not being found.
FIND = """
    SELECT s.session_id, s.seen_at, a.authenticator_id, a.name AS authenticator, k.key_id, k.name AS key, k.role,
           k.agent_id, g.agent_type, t.settings
      FROM app.web_session AS s
      JOIN app.tenant AS t ON t.tenant_id = $1 AND t.status = 'active'
      LEFT JOIN app.authenticator AS a
             ON a.tenant_id = $1 AND a.authenticator_id = s.authenticator_id AND a.suspected_at IS NULL
      LEFT JOIN app.api_key AS k
             ON k.tenant_id = $1 AND k.key_id = s.key_id AND k.revoked_at IS NULL
            AND (k.expires_at IS NULL OR k.expires_at > $3)
      LEFT JOIN app.agent AS g ON g.tenant_id = $1 AND g.agent_id = k.agent_id
     WHERE s.tenant_id = $1 AND s.token_hash = $2 AND s.expires_at > $3 AND s.seen_at > $4
"""

# Of a superadmin, who is of no tenant: a key that is revoked has no name.
FIND_SUPERADMINS = """
    SELECT s.session_id, s.seen_at, s.key_id, app.superadmin_name(s.key_id) AS key
      FROM app.web_session AS s
     WHERE s.tenant_id = $1 AND s.token_hash = $2 AND s.expires_at > $3 AND s.seen_at > $4
"""

SEEN = "UPDATE app.web_session SET seen_at = $3 WHERE tenant_id = $1 AND session_id = $2"

END = "DELETE FROM app.web_session WHERE tenant_id = $1 AND session_id = $2"

END_OTHERS = "DELETE FROM app.web_session WHERE tenant_id = $1 AND session_id <> $2"

END_OF_KEY = "DELETE FROM app.web_session WHERE tenant_id = $1 AND key_id = $2"

END_OLD = "DELETE FROM app.web_session WHERE tenant_id = $1 AND (expires_at <= $2 OR seen_at <= $3)"

LIST = """
    SELECT s.session_id, coalesce(a.name, k.name) AS name, s.browser, s.created_at, s.seen_at, s.expires_at
      FROM app.web_session AS s
      LEFT JOIN app.authenticator AS a ON a.tenant_id = $1 AND a.authenticator_id = s.authenticator_id
      LEFT JOIN app.api_key AS k ON k.tenant_id = $1 AND k.key_id = s.key_id
     WHERE s.tenant_id = $1 AND s.expires_at > $2 AND s.seen_at > $3
     ORDER BY s.seen_at DESC, s.session_id
     LIMIT $4
"""

LAST_COUNT = "SELECT coalesce(max(sign_count), 0) FROM app.web_session WHERE tenant_id = $1 AND authenticator_id = $2"

WHOSE = "SELECT app.find_credential($1)"


class NewSession(Struct, frozen=True, kw_only=True):
    session_id: UUID
    token_hash: bytes
    at: datetime
    browser: str
    authenticator_id: UUID | None = None
    sign_count: int = 0
    key_id: UUID | None = None


class FoundSession(Struct, frozen=True):
    session_id: UUID
    seen_at: datetime
    caller: Caller


async def start_session(tx: TenantTx, new: NewSession) -> None:
    """And forgets those of the tenant that have ended."""
    await tx.execute(END_OLD, tx.tenant_id, new.at, new.at - IDLE)
    await tx.execute(
        START, tx.tenant_id, new.session_id, new.token_hash, new.authenticator_id, new.sign_count, new.key_id,
        new.browser, new.at, new.at + LASTS,
    )  # fmt: skip


async def find_session(tx: TenantTx, token_hash: bytes, at: datetime) -> FoundSession | None:
    """None for one that has ended, in whatever way."""
    if tx.tenant_id == NO_TENANT:
        return await _superadmins(tx, token_hash, at)
    row = await tx.fetchrow(FIND, tx.tenant_id, token_hash, at, at - IDLE)
    if row is None or (row["authenticator_id"] is None and row["key_id"] is None):
        return None
    return FoundSession(row["session_id"], row["seen_at"], _caller(tx.tenant_id, row))


async def _superadmins(tx: TenantTx, token_hash: bytes, at: datetime) -> FoundSession | None:
    row = await tx.fetchrow(FIND_SUPERADMINS, tx.tenant_id, token_hash, at, at - IDLE)
    if row is None or row["key"] is None:
        return None
    return FoundSession(row["session_id"], row["seen_at"], superadmin_caller(row["key_id"], row["key"]))


async def seen(tx: TenantTx, session_id: UUID, at: datetime) -> None:
    await tx.execute(SEEN, tx.tenant_id, session_id, at)


async def end_session(tx: TenantTx, session_id: UUID) -> None:
    await tx.execute(END, tx.tenant_id, session_id)


async def end_sessions_but(tx: TenantTx, session_id: UUID) -> None:
    """All others of the tenant."""
    await tx.execute(END_OTHERS, tx.tenant_id, session_id)


async def end_sessions_of_key(tx: TenantTx, key_id: UUID) -> None:
    await tx.execute(END_OF_KEY, tx.tenant_id, key_id)


async def list_sessions(tx: TenantTx, at: datetime) -> Sequence[Any]:
    return await tx.fetch(LIST, tx.tenant_id, at, at - IDLE, MOST_LISTED)


async def last_count(tx: TenantTx, authenticator_id: UUID) -> int:
    """The highest counter with which a security key has begun a session that is still remembered."""
    found: int = await tx.fetchval(LAST_COUNT, tx.tenant_id, authenticator_id)
    return found


async def tenant_of_credential(tx: SystemTx, credential_id: str) -> UUID | None:
    found: UUID | None = await tx.fetchval(WHOSE, credential_id)
    return found


def _caller(tenant_id: UUID, row: Any) -> Caller:
    settings = read_settings(row["settings"])
    whose = (row["authenticator_id"], row["authenticator"], Role.USER, None, None)
    if row["key_id"] is not None:
        whose = (row["key_id"], row["key"], Role(row["role"]), row["agent_id"], row["agent_type"])
    key_id, name, role, agent_id, agent_type = whose
    return Caller(
        tenant_id=tenant_id, key_id=key_id, key_name=name, role=role, agent_id=agent_id, agent_type=agent_type,
        requests_per_minute=settings.rate_limit_requests_per_minute,
    )  # fmt: skip
