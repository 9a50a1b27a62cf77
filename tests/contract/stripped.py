"""A database whose statements have lost their ``tenant_id = $1``: only row security is left to keep tenants apart."""

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from typing import Any

from eventstore.database.transaction import Database, Tx
from tests.support.database import TestDatabase, session

FILTER = re.compile(r"\b(?:\w+\.)?tenant_id = \$1(?!\d)")
JOIN = re.compile(r"\b(?:\w+\.)?tenant_id = \w+\.tenant_id\b")

IN_FUNCTION = re.compile(r"\b(?:\w+\.)?tenant_id = tenant\b")
READING = """
    SELECT pg_get_functiondef(p.oid)
      FROM pg_proc AS p
     WHERE p.pronamespace = 'app'::regnamespace AND p.provolatile = 's' AND NOT p.prosecdef
       AND p.prosrc ~ 'tenant_id = tenant'
"""
"""Functions that read with the rights of whoever calls them."""

STATEMENTS: set[str] = set()
"""That came by and lost something."""


@lru_cache(maxsize=4096)
def stripped(query: str) -> str:
    """The parameter stays in use, or PostgreSQL could not tell its type."""
    found = JOIN.sub("true", FILTER.sub("($1::uuid IS NOT NULL)", query))
    if found != query:
        STATEMENTS.add(query)
    return found


async def strip_functions(database: TestDatabase) -> None:
    """So that they, too, leave everything to row security. They still bind the tenant."""
    async with session(database.migrator_url) as connection:
        await connection.execute("SET ROLE loopctl_owner")
        for row in await connection.fetch(READING):
            STATEMENTS.add(row[0])
            await connection.execute(IN_FUNCTION.sub("true", row[0]))


class StrippedConnection:
    """Anything else is the connection's own."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def fetch(self, query: str, *arguments: object) -> Any:
        return await self._connection.fetch(stripped(query), *arguments)

    async def fetchrow(self, query: str, *arguments: object) -> Any:
        return await self._connection.fetchrow(stripped(query), *arguments)

    async def fetchval(self, query: str, *arguments: object) -> Any:
        return await self._connection.fetchval(stripped(query), *arguments)

    async def execute(self, query: str, *arguments: object) -> Any:
        return await self._connection.execute(stripped(query), *arguments)


class StrippedDatabase(Database):
    def _block(self, begin: str, make: Callable[[Any], Tx]) -> AbstractAsyncContextManager[Tx]:
        return super()._block(begin, lambda connection: make(StrippedConnection(connection)))
