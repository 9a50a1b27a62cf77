"""A connection of its own for each run, and PostgreSQL's errors in one sentence."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import asyncpg
from asyncpg.exceptions import ClientConfigurationError

from migrations.errors import MigrationError

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

CONNECT_SECONDS = 10.0
QUERY_SECONDS = 30.0
CLOSE_SECONDS = 5.0

DATABASE_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""All that a statement can raise. OSError includes TimeoutError."""

MALFORMED = (ClientConfigurationError, ValueError, OverflowError)
"""What asyncpg raises for an address that it cannot read; the texts may quote pieces of the password."""

UNREADABLE = (
    "The database address cannot be read: it has the form postgresql://role:password@host:port/database, "
    "with the special characters of the password percent-encoded."
)


WHICH_SERVER = (
    "The database address names several servers and not which of them is meant: add target_session_attrs=read-write to "
    "it (postgresql://role:password@host1:port,host2:port/database?target_session_attrs=read-write), so that no "
    "connection ends at a standby."
)
THE_PRIMARY = frozenset({"read-write", "primary"})


def of_one_server(url: str, refused: type[Exception]) -> str:
    """The address. Raises ``refused``, with the sentence that says how it is done right, unless `names_one_server`."""
    if not names_one_server(url):
        raise refused(WHICH_SERVER)
    return url


def names_one_server(url: str) -> bool:
    """Does the address lead to one server, or among several to the one that takes writes?"""
    try:
        parts = urlsplit(url)
    except ValueError:
        return True  # unreadable, which whoever connects says in other words
    options = parse_qs(parts.query)
    several = "," in parts.netloc.rpartition("@")[2] or any("," in hosts for hosts in options.get("host", []))
    return not several or THE_PRIMARY.issuperset(options.get("target_session_attrs", [""]))


@asynccontextmanager
async def connected(url: str, query_seconds: float = QUERY_SECONDS) -> "AsyncIterator[Connection]":
    """A connection for the length of the block; what PostgreSQL says against it becomes a MigrationError."""
    url = of_one_server(url, MigrationError)
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, command_timeout=query_seconds)
    except MALFORMED:
        raise MigrationError(UNREADABLE) from None
    except DATABASE_ERRORS as error:
        raise MigrationError(f"Cannot connect to the database: {in_words(error)}.") from error
    try:
        yield connection
        await connection.close(timeout=CLOSE_SECONDS)
    except DATABASE_ERRORS as error:
        raise MigrationError(f"The database refused: {in_words(error)}.") from error
    finally:
        connection.terminate()  # after an error it may be inside a statement; after a clean close this does nothing


def in_words(error: Exception) -> str:
    """The server's message without its DETAIL and HINT lines, with its code."""
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    first = str(error).partition("\n")[0].rstrip(".")
    return f"{first} ({error.sqlstate})" if isinstance(error, asyncpg.PostgresError) else first
