"""Queries that do not mind where they are asked."""

from typing import Any, Protocol
from uuid import UUID


class Ask(Protocol):
    """`Database.ask_tenant`, or ``fetch`` of a transaction of that tenant."""

    async def __call__(self, query: str, tenant_id: UUID, /, *arguments: object) -> list[Any]: ...
