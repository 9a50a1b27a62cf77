"""The ways to the database: those of the service that runs on a data directory, or of `loopctl up --database-url`."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import msgspec

from config.loader import load_settings
from config.settings import Settings
from eventstore.catalog.check import NotDurable, assert_durability
from eventstore.database.tenants import ListedTenant, each_tenant
from eventstore.database.transaction import Database, Timeouts
from migrations.roles import with_role
from operations.command import Declined

MIGRATOR = Path("keys", "role-migrator")
"""Where `up` keeps the password of the role that may become the owner, in its data directory."""

FIND = "SELECT app.find_tenant($1)"

PATIENT = Timeouts(command=300.0)


def settings_of(given: argparse.Namespace) -> Settings:
    """Those of the service that runs on the data directory, else of the environment. Raises Declined, ConfigError."""
    if not given.data_dir:
        loaded = load_settings({"database_url": given.database_url} if given.database_url else {})
        if loaded.settings.database_url or loaded.origins["data_dir"].source == "default":
            return loaded.settings
        given.data_dir = str(loaded.settings.data_dir)  # as for `up`
    environment = Path(given.data_dir, "run", "service.json")
    try:
        said = msgspec.json.decode(environment.read_bytes(), type=dict[str, str])
    except OSError:
        raise Declined(f"No service has run on {given.data_dir} yet: start it with `make up`.") from None
    return load_settings({}, said).settings


def app_url(settings: Settings) -> str:
    if settings.app_password is None:
        return _url(settings)
    return with_role(_url(settings), "loopctl_app", settings.app_password)


def owner_url(given: argparse.Namespace, settings: Settings) -> str:
    """Of somebody who may become the owner of the tables: loopctl_migrator, or the given address's administrator."""
    password = settings.migrator_password
    if given.data_dir and password is None:
        try:
            password = Path(given.data_dir, MIGRATOR).read_text().strip()
        except OSError:
            raise Declined(f"{MIGRATOR} in {given.data_dir} cannot be read: it is needed for this.") from None
    return _url(settings) if password is None else with_role(_url(settings), "loopctl_migrator", password)


@asynccontextmanager
async def app_database(settings: Settings) -> AsyncIterator[Database]:
    """Raises Declined when a standby is demanded and PostgreSQL waits for none."""
    database = await Database.connect(app_url(settings), role="loopctl_app", max_size=2, timeouts=PATIENT)
    try:
        if settings.synchronous_replication:
            await _check_replicated(database)
        yield database
    finally:
        await database.close()


async def find_tenant(database: Database, slug: str) -> UUID:
    """Raises Declined when there is none of that slug."""
    async with database.system_transaction() as tx:
        found: UUID | None = await tx.fetchval(FIND, slug)
    if found is None:
        raise Declined(f"There is no tenant {slug}.")
    return found


async def chosen_tenants(database: Database, slug: str | None) -> list[ListedTenant]:
    """The one of that slug, or all. Raises Declined when there is none of that slug."""
    found = [tenant async for tenant in each_tenant(database) if slug in (None, tenant.slug)]
    if slug is not None and not found:
        raise Declined(f"There is no tenant {slug}.")
    return found


async def _check_replicated(database: Database) -> None:
    """Raises Declined."""
    try:
        async with database.system_transaction() as tx:
            await assert_durability(tx, replicated=True)
    except NotDurable as error:
        raise Declined(str(error)) from error


def _url(settings: Settings) -> str:
    if not settings.database_url:
        raise Declined("Give --data-dir or --database-url.")
    return settings.database_url
