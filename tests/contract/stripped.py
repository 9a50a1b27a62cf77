"""A database whose statements have lost their ``tenant_id = $1``: only row security is left to keep tenants apart."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from typing import Any

from eventstore.database.transaction import Database, Tx

FILTER = re.compile(r"\b(?:\w+\.)?tenant_id = \$1(?!\d)")
JOIN = re.compile(r"\b(?:\w+\.)?tenant_id = \w+\.tenant_id\b")

GENERAL_WAY: Mapping[str, Any] = {"short": None}
"""For the store: what functions of the schema say of the tenant is out of reach here."""

STATEMENTS: set[str] = set()
"""That came by and lost something."""


@lru_cache(maxsize=4096)
def stripped(query: str) -> str:
    """The parameter stays in use, or PostgreSQL could not tell its type."""
    found = JOIN.sub("true", FILTER.sub("($1::uuid IS NOT NULL)", query))
    if found != query:
        STATEMENTS.add(query)
    return found


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
