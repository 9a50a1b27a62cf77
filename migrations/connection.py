"""A connection of its own for each run, and PostgreSQL's errors in one sentence."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import asyncpg
from asyncpg.exceptions import ClientConfigurationError

from migrations.errors import MigrationError

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

CONNECT_SECONDS = 10.0
QUERY_SECONDS = 30.0
CLOSE_SECONDS = 5.0
NEW_ROLE_SECONDS = 5.0

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
    return not _names_several(url) or THE_PRIMARY.issuperset(_options(url).get("target_session_attrs", [""]))


def _names_several(url: str) -> bool:
    hosts = [
        url.partition("//")[2].partition("/")[0].partition("?")[0].rpartition("@")[2],
        *_options(url).get("host", []),
    ]
    return any("," in each for each in hosts)


def _options(url: str) -> dict[str, list[str]]:
    return parse_qs(url.partition("?")[2])


@asynccontextmanager
async def connected(url: str, query_seconds: float = QUERY_SECONDS) -> "AsyncIterator[Connection]":
    """A connection for the length of the block; what PostgreSQL says against it becomes a MigrationError."""
    url = of_one_server(url, MigrationError)
    try:
        connection = await _opened(url, query_seconds)
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


async def _opened(url: str, query_seconds: float) -> "Connection":
    """Among several servers asyncpg gives up at the first one that refuses the password, which a standby does that has
    not heard of a new role yet: so it is asked again for a while."""
    deadline = time.monotonic() + (NEW_ROLE_SECONDS if _names_several(url) else 0)
    while True:
        try:
            return await asyncpg.connect(url, timeout=CONNECT_SECONDS, command_timeout=query_seconds)
        except asyncpg.InvalidAuthorizationSpecificationError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(NEW_ROLE_SECONDS / 20)


def in_words(error: Exception) -> str:
    """The server's message without its DETAIL and HINT lines, with its code."""
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    first = str(error).partition("\n")[0].rstrip(".")
    return f"{first} ({error.sqlstate})" if isinstance(error, asyncpg.PostgresError) else first
