"""Who asks."""

from enum import StrEnum
from uuid import UUID

from msgspec import Struct


class Role(StrEnum):
    AGENT = "agent"
    ORCHESTRATOR = "orchestrator"
    USER = "user"
    SUPERADMIN = "superadmin"

    @property
    def rank(self) -> int:
        """1 to 4; a higher one may what a lower one may, except where a route asks for an exact role."""
        return list(Role).index(self) + 1


class Caller(Struct, frozen=True, kw_only=True):
    """The key that asks, what it may, and on whose behalf."""

    tenant_id: UUID
    key_id: UUID
    key_name: str
    role: Role
    agent_id: UUID | None = None
    lineage: tuple[UUID, ...] = ()

    @property
    def actor(self) -> tuple[str, ...]:
        """As recorded in the log: the key first, then its dispatches from the root."""
        return (f"api_key:{self.key_id}", f"{self.role.value}:{self.key_name}"[:255], *map(str, self.lineage))
