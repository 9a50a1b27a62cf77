"""What must be true before the worker takes its first message."""

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from config.keys import Key
from config.refusal import StartRefused
from config.settings import Settings
from eventstore.catalog.check import CatalogViolated, NotDurable, assert_catalog, assert_durability
from eventstore.database.transaction import Database, SystemTx, WrongRole
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.following.outage import Outage
from eventstore.following.pause import set_within
from eventstore.keys.seal import Seal, check_seal
from migrations.errors import MigrationError
from migrations.ledger import check_schema

LONGEST_PAUSE_SECONDS = 5.0


class Addresses(Struct, frozen=True):
    """Both known: the worker starts no server of its own."""

    database_url: str
    redis_url: str
    replicated: bool
    """Whether PostgreSQL has to wait for a standby."""


def required(settings: Settings) -> Addresses:
    """Raises StartRefused."""
    if not settings.database_url or not settings.redis_url:
        raise StartRefused("The worker needs LOOPCTL_DATABASE_URL and LOOPCTL_REDIS_URL.")
    return Addresses(settings.database_url, settings.redis_url, settings.synchronous_replication)


async def checked_database(addresses: Addresses, connections: int, stop: asyncio.Event) -> Database | None:
    """Waits for PostgreSQL as long as it takes; None when stopped meanwhile. Raises StartRefused."""
    outage = Outage("postgres")
    pause = 0.0
    while not await set_within(stop, pause):
        try:
            return await _open(addresses, connections)
        except DatabaseUnavailable as error:
            outage.failed("start", error)
        except (WrongRole, MigrationError, NotDurable, CatalogViolated) as error:
            raise StartRefused(str(error)) from error
        pause = min(max(pause * 2, 0.1), LONGEST_PAUSE_SECONDS)
    return None


async def checked_seal(database: Database, keks: Sequence[Key], stop: asyncio.Event) -> Seal:
    """Whether the keys are those of this database. Waits for PostgreSQL as `checked_database`."""
    pause = 0.0
    while not await set_within(stop, pause):
        try:
            return await check_seal(database, keks)
        except DatabaseUnavailable:
            pause = min(max(pause * 2, 0.1), LONGEST_PAUSE_SECONDS)
    return Seal(sealed=True, reason="The worker was stopped.")


async def _open(addresses: Addresses, connections: int) -> Database:
    # No floor: asyncpg would log a stack trace for every attempt to restore it while PostgreSQL is away.
    url = addresses.database_url
    database = await Database.connect(url, role="loopctl_worker", min_size=0, max_size=connections)
    try:
        async with database.system_transaction() as tx:
            await _check(tx, replicated=addresses.replicated)
    except BaseException:
        await database.close()
        raise
    return database


async def _check(tx: SystemTx, *, replicated: bool) -> None:
    schema = await check_schema(tx)
    if not schema.serves:
        raise StartRefused(schema.sentence)
    await assert_durability(tx, replicated=replicated)
    await assert_catalog(tx)  # last: it leaves the transaction with another search path
