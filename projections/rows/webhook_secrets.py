"""What deliveries are signed with: encrypted under the tenant's key, in no log, shown when it is made."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import TenantTx
from eventstore.keys.keyring import Keyring

TABLE = "webhook_target"
SECRET_BYTES = 32

STORE = "INSERT INTO app.webhook_target (tenant_id, webhook_id, secret) VALUES ($1, $2, $3)"

ROTATE = """
    UPDATE app.webhook_target
       SET secret = $3, previous_secret = $4, previous_until = $5
     WHERE tenant_id = $1 AND webhook_id = $2
"""

READ = """
    SELECT secret, previous_secret, previous_until
      FROM app.webhook_target
     WHERE tenant_id = $1 AND webhook_id = $2
"""


def new_secret() -> str:
    """64 hexadecimal digits, which are the key as they stand there."""
    return secrets.token_hex(SECRET_BYTES)


class WebhookSecrets(Struct, frozen=True):
    keyring: Keyring

    async def store(self, tx: TenantTx, webhook_id: UUID, secret: str) -> None:
        """Raises Sealed."""
        await tx.execute(STORE, tx.tenant_id, webhook_id, await self._sealed(tx, "secret", webhook_id, secret))

    async def rotate(self, tx: TenantTx, webhook_id: UUID, secret: str, previous_until: datetime) -> None:
        """Each value is encrypted for its own column, so that none can be put in another's place. Raises Sealed."""
        current = (await self.read(tx, webhook_id, previous_until))[0]
        sealed = await self._sealed(tx, "secret", webhook_id, secret)
        previous = await self._sealed(tx, "previous_secret", webhook_id, current)
        await tx.execute(ROTATE, tx.tenant_id, webhook_id, sealed, previous, previous_until)

    async def read(self, tx: TenantTx, webhook_id: UUID, at: datetime) -> Sequence[str]:
        """The secret, and the one before it as long as that is good. Raises Sealed, DoesNotOpen; LookupError when there
        is no such webhook."""
        row = await tx.fetchrow(READ, tx.tenant_id, webhook_id)
        if row is None:
            raise LookupError("no such webhook")
        found = [await self._opened(tx, "secret", webhook_id, row["secret"])]
        if row["previous_until"] is not None and row["previous_until"] > at:
            found.append(await self._opened(tx, "previous_secret", webhook_id, row["previous_secret"]))
        return found

    async def _sealed(self, tx: TenantTx, column: str, webhook_id: UUID, secret: str) -> bytes:
        return await self.keyring.encrypt(tx, TABLE, column, str(webhook_id), secret.encode())

    async def _opened(self, tx: TenantTx, column: str, webhook_id: UUID, stored: bytes) -> str:
        return (await self.keyring.decrypt(tx, TABLE, column, str(webhook_id), stored)).decode()
