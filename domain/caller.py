"""Who asks."""

from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from domain.tenant_settings import DEFAULTS

NO_TENANT = UUID(int=0)
"""Of a superadmin who has not said for which tenant."""


class Role(StrEnum):
    AGENT = "agent"
    ORCHESTRATOR = "orchestrator"
    USER = "user"
    SUPERADMIN = "superadmin"

    @property
    def rank(self) -> int:
        """1 to 4; a higher one may what a lower one may, except where a route asks for an exact role."""
        return list(Role).index(self) + 1


class Impersonation(Struct, frozen=True):
    """A superadmin inside a tenant. ``effective_role`` is the role that it took, None when it stays what it is."""

    tenant_slug: str
    effective_role: Role | None


class Caller(Struct, frozen=True, kw_only=True):
    """The key that asks, what it may, and on whose behalf."""

    tenant_id: UUID
    key_id: UUID
    key_name: str
    role: Role
    """For every check of a role; of a superadmin who impersonates, the role that it took."""
    agent_id: UUID | None = None
    lineage: tuple[UUID, ...] = ()
    requests_per_minute: int = DEFAULTS.rate_limit_requests_per_minute
    superadmin: bool = False
    """The key is a superadmin's, whatever role it acts in. Such keys are in no tenant's log."""
    impersonation: Impersonation | None = None

    @property
    def actor(self) -> tuple[str, ...]:
        """As recorded in the log: the key first, then its dispatches from the root."""
        if self.impersonation:
            taken = self.impersonation.effective_role or Role.SUPERADMIN
            label = f"superadmin:impersonating:{self.impersonation.tenant_slug}"
            return (f"superadmin_key:{self.key_id}", label, f"effective_role:{taken.value}")
        if self.superadmin:
            return (f"superadmin_key:{self.key_id}", f"superadmin:{self.key_name}"[:255])
        return (f"api_key:{self.key_id}", f"{self.role.value}:{self.key_name}"[:255], *map(str, self.lineage))

    @property
    def limited(self) -> bool:
        """By the rate limits: everybody but a superadmin who took no role."""
        return self.role != Role.SUPERADMIN
