"""A new tenant: its log, its key and its first API key in one transaction, over HTTP and by the operator."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from msgspec import Struct

from config.keys import Key
from domain.event import Recorded
from eventstore.callers.callers import store_key_hash
from eventstore.database.transaction import TenantTx
from eventstore.heads.log_keys import Begin, log_origin, new_log_key
from eventstore.keys.keyring import Keyring
from eventstore.log.command import Change
from eventstore.log.founding import Beside, create_tenant_log
from eventstore.log.lane import Store
from projections.rows.tenants import store_email


class FirstKey(Struct, frozen=True):
    """What of it must not enter the log."""

    key_id: UUID
    pepper: Key
    raw_key: str


class NewTenant(Struct, frozen=True, kw_only=True):
    """``changes`` begin with tenant.created; ``beside`` is written in the same transaction."""

    tenant_id: UUID
    email: str
    actor: tuple[str, ...]
    changes: Sequence[Change]
    first_key: FirstKey
    beside: Sequence[Beside] = ()


class Founder(Struct, frozen=True):
    """``base_url`` as `Settings.base_url` gives it."""

    store: Store
    keyring: Keyring
    base_url: str

    async def found(self, new: NewTenant) -> Sequence[Recorded]:
        """All or nothing. Raises asyncpg.UniqueViolationError when slug or address are taken; Sealed."""
        key = new.first_key
        beside: list[Beside] = [
            partial(store_key_hash, key_id=key.key_id, pepper=key.pepper, raw_key=key.raw_key),
            self._first_log_key, partial(store_email, email=new.email), *new.beside,
        ]  # fmt: skip
        return await create_tenant_log(self.store, new.tenant_id, new.actor, new.changes, beside)

    async def _first_log_key(self, tx: TenantTx) -> None:
        origin = log_origin(self.base_url, tx.tenant_id)
        await new_log_key(tx, self.keyring, Begin(origin, "founded", self.store.now()))
