"""What must be true before the first request is taken."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from config.keys import parse_keys
from config.loader import ConfigError
from config.refusal import StartRefused
from config.settings import Settings
from eventstore.catalog.check import CatalogViolated, NotDurable, assert_catalog, assert_durability
from eventstore.database.transaction import Database, WrongRole
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.keys.seal import Seal, check_seal
from migrations.errors import MigrationError
from migrations.ledger import check_schema

LISTEN_FD = "LOOPCTL_LISTEN_FD"
"""Number of an inherited listening socket: whoever holds it can replace this process without refusing anybody."""

READY_FILE = "LOOPCTL_READY_FILE"
"""Path of a file to make once this process serves: on a shared socket any other could answer for it."""

CONNECTIONS = 10
"""Of one process, which has one more to ask whether the database answers; the sum over all processes must stay below
what PostgreSQL allows (spec 06, section 6.3)."""


def listening_socket(settings: Settings, environment: Mapping[str, str] = os.environ) -> socket.socket:
    """The inherited one, else one of our own. Raises StartRefused."""
    given = environment.get(LISTEN_FD)
    try:
        if given:
            return socket.socket(fileno=int(given))
        return _bound(settings.host, settings.port)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        place = f"the inherited socket {given}" if given else f"{settings.host} port {settings.port}"
        raise StartRefused(f"Cannot listen on {place}: {reason}.") from error


def say_ready(environment: Mapping[str, str] = os.environ) -> None:
    """To whoever started this process and asked for it."""
    if path := environment.get(READY_FILE):
        Path(path).touch()


async def checked_database(settings: Settings) -> Database:
    """Connected, with the schema of this code, sound and durable. Raises StartRefused."""
    if not settings.database_url:
        raise StartRefused("The API needs LOOPCTL_DATABASE_URL; `loopctl up` starts a database of its own.")
    try:
        database = await Database.connect(settings.database_url, role="loopctl_app", max_size=CONNECTIONS)
    except DatabaseUnavailable as error:
        raise StartRefused(f"Cannot start without the database. {error}") from error
    except (WrongRole, ValueError) as error:
        raise StartRefused(str(error)) from error
    try:
        await _check(database, replicated=settings.synchronous_replication)
    except BaseException:
        await database.close()
        raise
    return database


async def checked_seal(settings: Settings, database: Database) -> Seal:
    """Raises StartRefused for a key ring that cannot be read; a missing or wrong one seals the service instead."""
    try:
        keks, peppers = parse_keys(settings.keks), parse_keys(settings.peppers)
    except ConfigError as error:
        raise StartRefused(str(error)) from error
    try:
        seal = await check_seal(database, keks)
    except DatabaseUnavailable as error:
        raise StartRefused(f"Cannot start without the database. {error}") from error
    if not seal.sealed and not peppers:
        return Seal(sealed=True, reason="No pepper is configured: set LOOPCTL_PEPPERS or LOOPCTL_PEPPERS_FILE.")
    return seal


async def _check(database: Database, *, replicated: bool) -> None:
    try:
        async with database.system_transaction() as tx:
            schema = await check_schema(tx)
            if not schema.serves:
                raise StartRefused(schema.sentence)
            await assert_durability(tx, replicated=replicated)
        async with database.system_transaction() as tx:
            await assert_catalog(tx)
    except (CatalogViolated, NotDurable, MigrationError) as error:
        raise StartRefused(str(error)) from error
    except DatabaseUnavailable as error:
        raise StartRefused(f"Cannot start without the database. {error}") from error


def _bound(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except BaseException:
        listener.close()
        raise
    return listener
