"""Is the key that encrypts everything else here, and is it the right one (spec 06, section 4.2)?"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from config.keys import Key
from eventstore.database.transaction import Database, SystemTx
from eventstore.keys.encryption import DoesNotOpen, SealedPlace, decrypt, encrypt

LOCK = 0x6C6F_6F70_7365_616C
"""``loopseal`` in ASCII. Two first starts with different keys must not both store theirs."""

TAKE_LOCK = "SELECT pg_advisory_xact_lock($1)"

READ = """
    SELECT kid, check_value
      FROM app.key_check
     ORDER BY kid
     LIMIT 1000
"""

STORE = """
    INSERT INTO app.key_check (kid, check_value)
    VALUES ($1, $2)
"""

CONSTANT = b"loopctl key check"


class Seal(Struct, frozen=True):
    """``reason`` says, in one sentence without any secret, why what needs a key must answer 503."""

    sealed: bool
    reason: str | None = None


async def check_seal(database: Database, keks: Sequence[Key]) -> Seal:
    """Whether the keys, the current one first, are those of this database. The first keys that it sees become its own.

    A new key is taken in beside one that is known already: that is a rotation. Raises DatabaseUnavailable.
    """
    if not keks:
        return Seal(sealed=True, reason="No key-encryption key is configured: set LOOPCTL_KEKS or LOOPCTL_KEKS_FILE.")
    async with database.system_transaction() as tx:
        await tx.execute(TAKE_LOCK, LOCK)
        stored = {row["kid"]: row["check_value"] for row in await tx.fetch(READ)}
        seal = _compare(keks, stored)
        if not seal.sealed:
            await _store_new(tx, keks, stored)
    return seal


def _compare(keks: Sequence[Key], stored: Mapping[str, bytes]) -> Seal:
    wrong = [key.kid for key in keks if key.kid in stored and not opens(key, stored[key.kid])]
    if wrong:
        return Seal(sealed=True, reason=f"The key {wrong[0]} is not the one that this database knows by that name.")
    if stored and not any(key.kid in stored for key in keks):
        known = ", ".join(sorted(stored))
        return Seal(sealed=True, reason=f"None of the configured keys is known to this database, which knows {known}.")
    return Seal(sealed=False)


async def _store_new(tx: SystemTx, keks: Sequence[Key], stored: Mapping[str, bytes]) -> None:
    for key in keks:
        if key.kid not in stored:
            await tx.execute(STORE, key.kid, check_value(key))


def check_value(key: Key) -> bytes:
    return encrypt(key, _place(key), CONSTANT)


def opens(key: Key, value: bytes) -> bool:
    """Whether the value was made under this key, for this place, and is whole."""
    try:
        return decrypt(key, _place(key), value) == CONSTANT
    except DoesNotOpen:
        return False


def _place(key: Key) -> SealedPlace:
    return SealedPlace(None, "key_check", "check_value", key.kid)
