"""Security keys of superadmins, who belong to no tenant and have no log: one for each API key."""

from datetime import datetime
from uuid import UUID

from domain.authenticator import Authenticator, AuthenticatorEnrolled
from eventstore.database.transaction import SystemTx, TenantTx

ONE = """
    SELECT name, credential_id, public_key, attestation_format, aaguid, sign_count, backup_eligible, backed_up,
           suspected_at, created_at, last_used_at
      FROM app.superadmin_authenticator
     WHERE key_id = $1
"""

# Of a superadmin whose API key is revoked there is none to find.
BY_CREDENTIAL = """
    SELECT key_id, app.superadmin_name(key_id) AS superadmin
      FROM app.superadmin_authenticator
     WHERE credential_id = $1 AND app.superadmin_name(key_id) IS NOT NULL
"""

CREDENTIALS = "SELECT credential_id FROM app.superadmin_authenticator ORDER BY created_at, key_id"

STORE = """
    INSERT INTO app.superadmin_authenticator
        (key_id, name, credential_id, public_key, attestation_format, aaguid, sign_count, backup_eligible, backed_up,
         created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""

# Of two touches with one counter one counts.
MOVE = """
    UPDATE app.superadmin_authenticator
       SET sign_count = $3, backed_up = $4, last_used_at = $5
     WHERE key_id = $1 AND sign_count = $2 AND suspected_at IS NULL
"""

SUSPECT = "UPDATE app.superadmin_authenticator SET suspected_at = $2 WHERE key_id = $1 AND suspected_at IS NULL"

KEY_CONSTRAINT = "superadmin_authenticator_pkey"
CREDENTIAL_CONSTRAINT = "superadmin_authenticator_credential_id_key"


async def find_authenticator(tx: SystemTx | TenantTx, key_id: UUID) -> Authenticator | None:
    """None when this superadmin has enrolled none."""
    row = await tx.fetchrow(ONE, key_id)
    return Authenticator(authenticator_id=key_id, position=0, **row) if row else None


async def superadmin_of_credential(tx: SystemTx, credential_id: str) -> tuple[UUID, str] | None:
    """Its API key and name."""
    row = await tx.fetchrow(BY_CREDENTIAL, credential_id)
    return (row["key_id"], row["superadmin"]) if row else None


async def credentials(tx: SystemTx) -> list[str]:
    """Credential ids of all, those of revoked superadmins among them."""
    return [row["credential_id"] for row in await tx.fetch(CREDENTIALS)]


async def store_authenticator(tx: TenantTx, key_id: UUID, enrolled: AuthenticatorEnrolled, at: datetime) -> None:
    """Raises asyncpg.UniqueViolationError of KEY_CONSTRAINT for a second one, of CREDENTIAL_CONSTRAINT for somebody
    else's."""
    await tx.execute(
        STORE, key_id, enrolled.name, enrolled.credential_id, enrolled.public_key, enrolled.attestation_format,
        enrolled.aaguid, enrolled.sign_count, enrolled.backup_eligible, enrolled.backed_up, at,
    )  # fmt: skip


async def move_counter(tx: TenantTx, key: Authenticator, sign_count: int, backed_up: bool, at: datetime) -> bool:
    """False when it is not where it was."""
    return await tx.execute(MOVE, key.authenticator_id, key.sign_count, sign_count, backed_up, at) == "UPDATE 1"


async def suspect_authenticator(tx: SystemTx, key_id: UUID, at: datetime) -> None:
    """Its counter went back: it is taken no more."""
    await tx.execute(SUSPECT, key_id, at)
