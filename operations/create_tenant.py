"""`create-tenant`: a tenant with its log and its first key, whose trust starts from the operator."""

import argparse
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from api.http.identifiers import new_id
from config.keys import Key, parse_keys
from config.settings import Settings
from domain.api_key import shown_prefix
from domain.event import Stream
from domain.events import EVENTS, UPCASTERS
from domain.key import ApiKeyCreated
from domain.tenant import CreateTenant, create_tenant
from eventstore.callers.callers import store_key_hash
from eventstore.database.transaction import TenantTx
from eventstore.heads.log_keys import Begin, log_origin, new_log_key
from eventstore.keys.keyring import Keyring
from eventstore.log.codec import Codec
from eventstore.log.command import Change
from eventstore.log.founding import create_tenant_log
from eventstore.log.lane import Store
from operations.command import Declined, OperatorCommand, Said
from operations.raw_keys import current_pepper, new_raw_key
from operations.reaching import app_database, settings_of
from projections.inline import INLINE, MODELS
from projections.rows.tenants import EMAIL_INDEX

ACTOR = ("operator",)

STORE_CONTACT = "INSERT INTO app.tenant_contact (tenant_id, email) VALUES ($1, $2)"


def _arguments(parser: argparse.ArgumentParser) -> None:
    for name in ("name", "slug", "email"):
        parser.add_argument(f"--{name}", required=True)


async def _run(given: argparse.Namespace) -> Said:
    return Said(await _create_tenant(settings_of(given), given.name, given.slug, given.email))


async def _create_tenant(settings: Settings, name: str, slug: str, email: str) -> dict[str, Any]:
    """The tenant, its log and its first key in one transaction."""
    if not settings.keks:
        raise Declined("Keys cannot be made without LOOPCTL_KEKS_FILE.")
    pepper, tenant_id, key_id, raw_key = current_pepper(settings), new_id(), new_id(), new_raw_key()
    (created,) = create_tenant(
        False, CreateTenant(tenant_id=tenant_id, name=name, slug=slug, email=email, root_of_trust="operator")
    )
    key = ApiKeyCreated(name=f"{slug}-admin", role="user", key_prefix=shown_prefix(raw_key))
    changes = [Change(Stream("tenant", tenant_id), created), Change(Stream("api_key", key_id), key)]
    beside = [_hash_of(key_id, pepper, raw_key), _first_log_key(settings), _contact(email)]
    async with app_database(settings) as database:
        store = Store(
            database=database,
            codec=Codec(EVENTS, UPCASTERS),
            models=MODELS,
            projections=INLINE,
            now=_now,
            committed=_nobody_waits,
        )
        try:
            await create_tenant_log(store, tenant_id, ACTOR, changes, beside)
        except asyncpg.UniqueViolationError as error:
            taken = f"address {email}" if error.constraint_name == EMAIL_INDEX else f"slug {slug}"
            raise Declined(f"The {taken} has already been taken.") from None
    return {
        "tenant": {"id": tenant_id, "name": created.name, "slug": slug, "email": email, "status": "active"},
        "api_key": {"id": key_id, "name": key.name, "role": key.role, "key_prefix": key.key_prefix, "raw_key": raw_key},
    }


def _hash_of(key_id: UUID, pepper: Key, raw_key: str) -> Any:
    async def store(tx: TenantTx) -> None:
        await store_key_hash(tx, key_id, pepper, raw_key)

    return store


def _contact(email: str) -> Any:
    async def store(tx: TenantTx) -> None:
        await tx.execute(STORE_CONTACT, tx.tenant_id, email)

    return store


def _first_log_key(settings: Settings) -> Any:
    keyring = Keyring(parse_keys(settings.keks))

    async def make(tx: TenantTx) -> None:
        origin = log_origin(settings.base_url(), tx.tenant_id)
        await new_log_key(tx, keyring, Begin(origin, "founded", _now()))

    return make


def _now() -> datetime:
    return datetime.now(UTC)


def _nobody_waits(_: UUID, __: int) -> None:
    """The service that runs finds the new tenant when it is asked for it."""


COMMAND = OperatorCommand("create-tenant", "make a tenant and its first user key", _arguments, _run)
