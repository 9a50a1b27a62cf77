"""The keys that a tenant's heads are signed with: made, kept encrypted, listed for ever (spec 05, section 4.1)."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from msgspec.structs import replace

from eventstore.database.transaction import TenantTx
from eventstore.keys.keyring import Keyring
from loopctl.tlog.keys import KeyEpoch, KeyHistory, key_history
from loopctl.tlog.signer import LogSigner
from loopctl.tlog.vkey import VerifierKey, parse_vkey

STORE = """
    INSERT INTO app.log_key (tenant_id, purpose, vkey, public_key, private_key, first_size, reason, created_at)
    VALUES ($1, 'log', $2, $3, $4, $5, $6, $7)
"""

READ = """
    SELECT vkey, first_size, last_size, reason, created_at, retired_at
      FROM app.log_key
     WHERE tenant_id = $1 AND purpose = 'log'
     ORDER BY first_size
     LIMIT 1000
"""

COUNTING = """
    SELECT vkey, private_key
      FROM app.log_key
     WHERE tenant_id = $1 AND purpose = 'log' AND first_size <= $2 AND (last_size IS NULL OR last_size >= $2)
     ORDER BY first_size
     LIMIT 1000
"""

NEWEST = """
    SELECT vkey, private_key
      FROM app.log_key
     WHERE tenant_id = $1 AND purpose = 'log'
     ORDER BY first_size DESC
     LIMIT 1
"""


class NoLogKey(Exception):
    """The tenant has no key that could sign a head of this size, or it was destroyed."""


class LogKey(Struct, frozen=True):
    """The public half. ``retired_at`` is when the private half was destroyed."""

    key: VerifierKey
    first_size: int
    last_size: int | None
    reason: str
    created_at: datetime
    retired_at: datetime | None


def log_origin(base_url: str, tenant_id: UUID) -> str:
    """``base_url`` as `Settings.base_url` gives it. The first key fixes it: a new address changes no log."""
    parts = urlsplit(base_url)
    host = parts.netloc.rpartition("@")[2].lower()
    return f"{host}{parts.path.rstrip('/')}/t/{tenant_id}"


class Begin(Struct, frozen=True):
    """Of a key: of which log, why it is made, when, and from which size on it counts (the first one from 0)."""

    origin: str
    reason: str
    at: datetime
    first_size: int = 0


async def new_log_key(tx: TenantTx, keyring: Keyring, begin: Begin) -> VerifierKey:
    """Makes and stores a key. Raises Sealed."""
    private_key = Ed25519PrivateKey.generate()
    await store_log_key(tx, keyring, private_key, begin)
    return LogSigner(begin.origin, private_key).key


async def store_log_key(tx: TenantTx, keyring: Keyring, private_key: Ed25519PrivateKey, begin: Begin) -> None:
    """The private half exists in this process's memory and, encrypted, in the row. Raises Sealed."""
    key = LogSigner(begin.origin, private_key).key
    sealed = await keyring.encrypt(tx, "log_key", "private_key", _row(key.text()), private_key.private_bytes_raw())
    await tx.execute(STORE, tx.tenant_id, key.text(), key.public_key, sealed, begin.first_size, begin.reason, begin.at)


async def read_log_keys(tx: TenantTx) -> list[LogKey]:
    """Every key that the log ever had, oldest first."""
    return [
        LogKey(
            parse_vkey(row["vkey"]), row["first_size"], row["last_size"], row["reason"], row["created_at"],
            row["retired_at"],
        )
        for row in await tx.fetch(READ, tx.tenant_id)
    ]  # fmt: skip


def known_at(keys: Sequence[LogKey], size: int) -> list[LogKey]:
    """The keys as they were when the head of this size was the newest: what came later has not happened yet."""
    begun = [key for key in keys if key.first_size <= size]
    return [*begun[:-1], *(replace(key, last_size=None, retired_at=None) for key in begun[-1:])]


def history_of(keys: Sequence[LogKey]) -> KeyHistory:
    """Raises TlogError when they do not follow each other as keys of one log must; also when there is none."""
    return key_history([KeyEpoch(each.key, each.first_size, each.last_size) for each in keys])


async def read_key_history(tx: TenantTx) -> KeyHistory:
    """Raises NoLogKey, TlogError."""
    keys = await read_log_keys(tx)
    if not keys:
        raise NoLogKey("The log has no key.")
    return history_of(keys)


async def log_signers(tx: TenantTx, keyring: Keyring, size: int) -> list[LogSigner]:
    """All keys that count for a head of this size, the older first. Raises NoLogKey, Sealed, DoesNotOpen."""
    rows = await tx.fetch(COUNTING, tx.tenant_id, size)
    if not rows:
        raise NoLogKey(f"No key counts for a head of size {size}.")
    return [await _signer(tx, keyring, row) for row in rows]


async def log_signer(tx: TenantTx, keyring: Keyring) -> LogSigner:
    """The newest key. Raises as `log_signers`."""
    row = await tx.fetchrow(NEWEST, tx.tenant_id)
    if row is None:
        raise NoLogKey("The log has no key.")
    return await _signer(tx, keyring, row)


async def _signer(tx: TenantTx, keyring: Keyring, row: asyncpg.Record) -> LogSigner:
    key = parse_vkey(row["vkey"])
    if row["private_key"] is None:
        raise NoLogKey(f"The private half of {key.key_id.hex()} was destroyed.")
    seed = await keyring.decrypt(tx, "log_key", "private_key", _row(row["vkey"]), row["private_key"])
    signer = LogSigner(key.name, Ed25519PrivateKey.from_private_bytes(seed))
    if signer.key != key:
        raise NoLogKey(f"The stored private half of {key.key_id.hex()} belongs to another key.")
    return signer


def _row(vkey: str) -> str:
    return f"log/{vkey}"
