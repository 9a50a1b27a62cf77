"""Each tenant's data-encryption key, wrapped under a key-encryption key that only the processes have (spec 06, 4.2)."""

import secrets
from collections.abc import Sequence

import asyncpg
from msgspec import Struct

from config.keys import KEY_BYTES, Key
from eventstore.database.transaction import TenantTx
from eventstore.keys.encryption import KID_BYTES, SealedPlace, decrypt, encrypt

READ = """
    SELECT kid, kek_kid, wrapped
      FROM app.tenant_key
     WHERE tenant_id = $1
"""

STORE = """
    INSERT INTO app.tenant_key (tenant_id, kid, kek_kid, wrapped, created_at)
    VALUES ($1, $2, $3, $4, clock_timestamp())
    ON CONFLICT (tenant_id) DO NOTHING
"""

REWRAP = """
    UPDATE app.tenant_key
       SET kek_kid = $2, wrapped = $3
     WHERE tenant_id = $1 AND wrapped = $4
"""


class Sealed(Exception):
    """None of this process's key-encryption keys is the one that is needed. What needs it answers 503."""


class Keyring(Struct, frozen=True):
    """``keks`` with the current key first; the others are there to be read until everything is wrapped anew."""

    keks: Sequence[Key]

    async def encrypt(self, tx: TenantTx, table: str, column: str, row: str, value: bytes) -> bytes:
        """For a column of the transaction's tenant. Makes the tenant's key when this is its first value."""
        return encrypt(await self._make_or_find(tx), SealedPlace(tx.tenant_id, table, column, row), value)

    async def decrypt(self, tx: TenantTx, table: str, column: str, row: str, stored: bytes) -> bytes:
        """Raises DoesNotOpen for a value that is not from this place, Sealed."""
        key = await self._find(tx)
        if key is None:
            raise Sealed("The tenant has no key.")
        return decrypt(key, SealedPlace(tx.tenant_id, table, column, row), stored)

    async def rewrap(self, tx: TenantTx) -> bool:
        """Puts the tenant's key under the current key-encryption key; False when it is there already, or there is none.

        What the tenant's key encrypts stays as it is. An old key-encryption key may go when no tenant is left under it
        and no backup that is still of use was made before.
        """
        row = await tx.fetchrow(READ, tx.tenant_id)
        if row is None or row["kek_kid"] == self._current.kid:
            return False
        wrapped = self._wrap(tx, self._unwrap(tx, row))
        return await tx.execute(REWRAP, tx.tenant_id, self._current.kid, wrapped, row["wrapped"]) == "UPDATE 1"

    async def _make_or_find(self, tx: TenantTx) -> Key:
        found = await self._find(tx)
        if found is not None:
            return found
        made = Key(secrets.token_hex(KID_BYTES), secrets.token_bytes(KEY_BYTES))
        tag = await tx.execute(STORE, tx.tenant_id, made.kid, self._current.kid, self._wrap(tx, made))
        if tag == "INSERT 0 1":
            return made
        found = await self._find(tx)  # somebody else was first, and has committed: ON CONFLICT waited for that
        if found is None:
            raise AssertionError("a key that was in the way is there")
        return found

    async def _find(self, tx: TenantTx) -> Key | None:
        row = await tx.fetchrow(READ, tx.tenant_id)
        return None if row is None else self._unwrap(tx, row)

    @property
    def _current(self) -> Key:
        if not self.keks:
            raise Sealed("No key-encryption key is configured.")
        return self.keks[0]

    def _wrap(self, tx: TenantTx, key: Key) -> bytes:
        return encrypt(self._current, _place(tx, key.kid), key.secret)

    def _unwrap(self, tx: TenantTx, row: asyncpg.Record) -> Key:
        kek = next((key for key in self.keks if key.kid == row["kek_kid"]), None)
        if kek is None:
            raise Sealed(f"The tenant's key is wrapped under {row['kek_kid']}, which is not configured.")
        return Key(row["kid"], decrypt(kek, _place(tx, row["kid"]), row["wrapped"]))


def _place(tx: TenantTx, kid: str) -> SealedPlace:
    return SealedPlace(tx.tenant_id, "tenant_key", "wrapped", kid)
