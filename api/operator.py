"""`python -m api.operator`: what only the operator of the server may do, on the server itself.

Exit codes: 0 done, 1 refused, 2 wrong usage. JSON on stdout; a raw key is shown here once and never again.
"""

import argparse
import asyncio
import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from api.identifiers import new_id
from api.operator_keys import KEY_COMMANDS, register
from config.keys import Key, parse_keys
from config.loader import ConfigError, load_settings
from config.settings import Settings
from domain.api_key import ALPHABET, RANDOM_CHARACTERS, complete_key, shown_prefix
from domain.errors import Rejected
from domain.event import Stream
from domain.events import EVENTS
from domain.tenant import ApiKeyCreated, CreateTenant, create_tenant
from eventstore.callers import store_key_hash
from eventstore.codec import Codec
from eventstore.command import Change
from eventstore.founding import found_tenant
from eventstore.keyring import Keyring
from eventstore.lane import Store
from eventstore.log_keys import Begin, log_origin, new_log_key
from eventstore.transaction import Database, TenantTx, WrongRole
from eventstore.unavailable import DatabaseUnavailable
from migrations.roles import with_role
from projections.inline import INLINE, MODELS

ACTOR = ("operator",)

STORE_CONTACT = "INSERT INTO app.tenant_contact (tenant_id, email) VALUES ($1, $2)"


class Declined(Exception):
    """One sentence for the operator."""


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parsed(arguments)
    try:
        answer = asyncio.run(KEY_COMMANDS.get(given.command, _create)(_settings(given), given))
    except (Declined, ConfigError, Rejected, DatabaseUnavailable, WrongRole) as error:
        print(f"loopctl: {error}{_details(error)}", file=sys.stderr)  # noqa: T201  # the program's own voice
        return 1
    print(msgspec.json.format(msgspec.json.encode(answer)).decode())  # noqa: T201  # the program's own voice
    return 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m api.operator", description="What only the operator may do.")
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create-tenant", help="make a tenant and its first user key")
    for name in ("name", "slug", "email"):
        create.add_argument(f"--{name}", required=True)
    for name in ("data-dir", "database-url"):
        create.add_argument(f"--{name}", help="as for `loopctl up`")
    register(commands)
    return parser.parse_args(arguments)


async def _create(settings: Settings, given: argparse.Namespace) -> dict[str, Any]:
    return await _create_tenant(settings, given.name, given.slug, given.email)


def _details(error: Exception) -> str:
    """Which field is wrong with what."""
    facts = error.facts if isinstance(error, Rejected) else {}
    named = [f"{field} {', '.join(texts)}" for field, texts in facts.get("details", {}).items()]
    return ": " + "; ".join(named) if named else ""


async def _create_tenant(settings: Settings, name: str, slug: str, email: str) -> dict[str, Any]:
    """The tenant, its log and its first key in one transaction."""
    peppers = parse_keys(settings.peppers)
    if not peppers or not settings.keks:
        raise Declined("Keys cannot be made without LOOPCTL_KEKS_FILE and LOOPCTL_PEPPERS_FILE.")
    tenant_id, key_id, raw_key = new_id(), new_id(), _raw_key()
    (created,) = create_tenant(
        False, CreateTenant(tenant_id=tenant_id, name=name, slug=slug, email=email, root_of_trust="operator")
    )
    key = ApiKeyCreated(name=f"{slug}-admin", role="user", key_prefix=shown_prefix(raw_key))
    changes = [Change(Stream("tenant", tenant_id), created), Change(Stream("api_key", key_id), key)]
    database = await Database.connect(_app_url(settings), role="loopctl_app", max_size=2)
    try:
        store = Store(
            database=database, codec=Codec(EVENTS), models=MODELS, projections=INLINE, now=_now, committed=_nobody_waits
        )
        beside = [_hash_of(key_id, peppers[0], raw_key), _first_log_key(settings), _contact(email)]
        await found_tenant(store, tenant_id, ACTOR, changes, beside)
    except asyncpg.UniqueViolationError:
        raise Declined(f"The slug {slug} has already been taken.") from None
    finally:
        await database.close()
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


def _settings(given: argparse.Namespace) -> Settings:
    """Those of the service that runs on the data directory, else of the environment. Raises Declined, ConfigError."""
    if given.data_dir:
        environment = Path(given.data_dir, "run", "service.json")
        try:
            said = msgspec.json.decode(environment.read_bytes(), type=dict[str, str])
        except OSError:
            raise Declined(f"No service has run on {given.data_dir} yet: start it with `make up`.") from None
        return load_settings({}, said).settings
    return load_settings({"database_url": given.database_url} if given.database_url else {}).settings


def _app_url(settings: Settings) -> str:
    if not settings.database_url:
        raise Declined("Give --data-dir or --database-url.")
    if settings.app_password is None:
        return settings.database_url
    return with_role(settings.database_url, "loopctl_app", settings.app_password)


def _raw_key() -> str:
    return complete_key("".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS)))


def _now() -> datetime:
    return datetime.now(UTC)


def _nobody_waits(_: UUID, __: int) -> None:
    """The service that runs finds the new tenant when it is asked for it."""


if __name__ == "__main__":
    sys.exit(main())
