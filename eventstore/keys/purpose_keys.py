"""A tenant's keys for one purpose each: made when they are first needed, with an event, and kept encrypted."""

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import cached_property, partial
from hashlib import sha256
from uuid import UUID, uuid5

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from config.keys import KEY_BYTES
from domain.event import Stream
from domain.purpose_key import Purpose, PurposeKeyMade
from eventstore.database.transaction import Database, TenantTx
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.keys.keyring import Keyring
from eventstore.log.command import Change, Command, Origin, Reply
from loopctl.draw import chain_of

READ = """
    SELECT kid, generation, secret
      FROM app.purpose_key
     WHERE tenant_id = $1 AND purpose = $2
     ORDER BY generation DESC
     LIMIT 1
"""

STORE = """
    INSERT INTO app.purpose_key (tenant_id, purpose, generation, kid, secret, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
"""

ACTOR = ("system", "system:purpose_keys")
MOST_KEPT = 10_000


class PurposeKey(Struct, frozen=True, dict=True):
    kid: str
    secret: bytes
    generation: int = 1

    @cached_property
    def chain(self) -> list[bytes]:
        """Of a key for draws."""
        return chain_of(self.secret)

    @property
    def signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secret)


class PurposeKeys:
    """``submit`` writes to the log of a tenant and returns after the commit."""

    def __init__(
        self, database: Database | None, keyring: Keyring, submit: Callable[[UUID, Command], Awaitable[Reply]]
    ) -> None:
        """``database`` is None where nothing can be found."""
        self._database = database
        self._keyring = keyring
        self._submit = submit
        self._kept: OrderedDict[tuple[UUID, Purpose], PurposeKey] = OrderedDict()

    async def find(self, tenant_id: UUID, purpose: Purpose) -> PurposeKey | None:
        """None when the tenant has none yet. Raises Sealed."""
        kept = self._kept.get((tenant_id, purpose))
        if kept is not None:
            return kept
        if self._database is None:
            raise DatabaseUnavailable("lost")
        async with self._database.tenant_transaction(tenant_id) as tx:
            row = await tx.fetchrow(READ, tenant_id, purpose)
            if row is None:
                return None
            secret = await self._keyring.decrypt(tx, "purpose_key", "secret", f"{purpose}/{row['kid']}", row["secret"])
        found = self._kept[tenant_id, purpose] = PurposeKey(row["kid"], secret, row["generation"])
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return found

    def known(self, tenant_id: UUID, purpose: Purpose) -> PurposeKey | None:
        """As it was found before."""
        return self._kept.get((tenant_id, purpose))

    async def find_or_make(self, tenant_id: UUID, purpose: Purpose, at: datetime) -> PurposeKey:
        """Two processes that make one at once end with the same. Raises Sealed."""
        found = await self.find(tenant_id, purpose)
        return found or await self.make_next(tenant_id, purpose, at, None)

    async def make_next(self, tenant_id: UUID, purpose: Purpose, at: datetime, last: PurposeKey | None) -> PurposeKey:
        """The one that follows ``last``, whoever makes it."""
        generation = last.generation + 1 if last else 1
        secret = secrets.token_bytes(KEY_BYTES)
        kid = sha256(b"loopctl purpose key\0" + secret).hexdigest()[:16]
        stream = Stream("purpose_key", key_id_of(tenant_id, purpose, kid))
        made = PurposeKeyMade(purpose=purpose, kid=kid, public=_public(purpose, secret))
        command = Command(
            origin=Origin(actor=ACTOR, at=at, refuse=_refused), needs=(), streams=(stream,),
            decide=lambda _: [Change(stream, made)], answer=lambda *_: None, alone=True,
            beside=partial(self._store, purpose=purpose, key=PurposeKey(kid, secret, generation), at=at),
        )  # fmt: skip
        with suppress(asyncpg.UniqueViolationError):  # somebody else was first, and nothing of this was written
            await self._submit(tenant_id, command)
        self._kept.pop((tenant_id, purpose), None)
        made_by_somebody = await self.find(tenant_id, purpose)
        if made_by_somebody is None:
            raise AssertionError("a key that was in the way is there")
        return made_by_somebody

    async def _store(self, tx: TenantTx, purpose: Purpose, key: PurposeKey, at: datetime) -> None:
        sealed = await self._keyring.encrypt(tx, "purpose_key", "secret", f"{purpose}/{key.kid}", key.secret)
        await tx.execute(STORE, tx.tenant_id, purpose, key.generation, key.kid, sealed, at)


def key_id_of(tenant_id: UUID, purpose: Purpose, kid: str) -> UUID:
    """What the key's stream is called."""
    return uuid5(tenant_id, f"{purpose}/{kid}")


def _public(purpose: Purpose, secret: bytes) -> str:
    if purpose == "draw":
        return chain_of(secret)[0].hex()
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw().hex()


def _refused(_: Exception) -> Reply:
    raise AssertionError("the decision refuses nothing")
