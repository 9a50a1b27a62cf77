"""`create-tenant`: a tenant with its log and its first key, whose trust starts from the operator."""

import argparse
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from api.founding import FirstKey, Founder, NewTenant
from api.http.identifiers import new_id
from config.keys import parse_keys
from config.settings import Settings
from domain.api_key import shown_prefix
from domain.event import Stream
from domain.events import EVENTS, UPCASTERS
from domain.key import ApiKeyCreated
from domain.tenant import CreateTenant, create_tenant
from eventstore.keys.keyring import Keyring
from eventstore.log.codec import Codec
from eventstore.log.command import Change
from eventstore.log.lane import Store
from operations.command import Declined, OperatorCommand, Said
from operations.raw_keys import NO_KEYS, current_pepper, new_raw_key
from operations.reaching import app_database, settings_of
from projections.inline import INLINE, MODELS
from projections.rows.tenants import EMAIL_INDEX

ACTOR = ("operator",)


def _arguments(parser: argparse.ArgumentParser) -> None:
    for name in ("name", "slug", "email"):
        parser.add_argument(f"--{name}", required=True)


async def _run(given: argparse.Namespace) -> Said:
    return Said(await _create_tenant(settings_of(given), given.name, given.slug, given.email))


async def _create_tenant(settings: Settings, name: str, slug: str, email: str) -> dict[str, Any]:
    """The tenant, its log and its first key in one transaction."""
    if not settings.keks:
        raise Declined(NO_KEYS.format(variable="LOOPCTL_KEKS"))
    pepper, tenant_id, key_id, raw_key = current_pepper(settings), new_id(), new_id(), new_raw_key()
    (created,) = create_tenant(
        False, CreateTenant(tenant_id=tenant_id, name=name, slug=slug, email=email, root_of_trust="operator")
    )
    key = ApiKeyCreated(name=f"{slug}-admin", role="user", key_prefix=shown_prefix(raw_key))
    changes = [Change(Stream("tenant", tenant_id), created), Change(Stream("api_key", key_id), key)]
    new = NewTenant(
        tenant_id=tenant_id, email=email, actor=ACTOR, changes=changes, first_key=FirstKey(key_id, pepper, raw_key)
    )
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
            await Founder(store, Keyring(parse_keys(settings.keks)), settings.base_url()).found(new)
        except asyncpg.UniqueViolationError as error:
            taken = f"address {email}" if error.constraint_name == EMAIL_INDEX else f"slug {slug}"
            raise Declined(f"The {taken} has already been taken.") from None
    return {
        "tenant": {"id": tenant_id, "name": created.name, "slug": slug, "email": email, "status": "active"},
        "api_key": {"id": key_id, "name": key.name, "role": key.role, "key_prefix": key.key_prefix, "raw_key": raw_key},
    }


def _now() -> datetime:
    return datetime.now(UTC)


def _nobody_waits(_: UUID, __: int) -> None:
    """The service that runs finds the new tenant when it is asked for it."""


COMMAND = OperatorCommand("create-tenant", "make a tenant and its first user key", _arguments, _run)
