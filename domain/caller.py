"""Who asks."""

from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from domain.agent import AgentType
from domain.ci_trust import CiJob
from domain.tenant_settings import DEFAULTS, WitnessMode

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


class PublishedHead(Struct, frozen=True):
    """The newest signed head of a tenant's log. ``mark`` is how its signature begins, which older clients keep."""

    size: int
    root: bytes
    mark: str


class Caller(Struct, frozen=True, kw_only=True):
    """The key that asks, what it may, and on whose behalf."""

    tenant_id: UUID
    key_id: UUID
    key_name: str
    role: Role
    """For every check of a role; of a superadmin who impersonates, the role that it took."""
    agent_id: UUID | None = None
    agent_type: AgentType | None = None
    """Of the agent, for ever."""
    lineage: tuple[UUID, ...] = ()
    """Of a key that a dispatch has: from the root to that dispatch."""
    minters: tuple[UUID, ...] = ()
    """Agents of those above it."""
    human_root: bool = False
    """The root of the lineage was made by a person."""
    verifier_binding: bool = False
    """The tenant binds to whoever is drawn, as its settings were then; the same holds for the next one."""
    require_capabilities: bool = False
    """The tenant wants a capability of everybody, as its settings were when the caller was looked up. Says what has to
    be known; what is decided on are the settings at the head of the log."""
    requests_per_minute: int = DEFAULTS.rate_limit_requests_per_minute
    witness_mode: WitnessMode = DEFAULTS.witness_mode
    head: PublishedHead | None = None
    """Of the tenant's log, as new as the rest of this. None before the first, and of superadmins."""
    superadmin: bool = False
    """The key is a superadmin's, whatever role it acts in. Such keys are in no tenant's log."""
    impersonation: Impersonation | None = None
    ci: CiJob | None = None
    """A job of a CI that a project trusts; ``key_id`` is then that of the trust, which is no key."""

    @property
    def actor(self) -> tuple[str, ...]:
        """As recorded in the log: the key first, then its dispatches from the root."""
        if self.impersonation:
            taken = self.impersonation.effective_role or Role.SUPERADMIN
            label = f"superadmin:impersonating:{self.impersonation.tenant_slug}"
            return (f"superadmin_key:{self.key_id}", label, f"effective_role:{taken.value}")
        if self.superadmin:
            return (f"superadmin_key:{self.key_id}", f"superadmin:{self.key_name}"[:255])
        if self.ci:
            return (f"ci:{self.key_id}", f"ci:{self.ci.identity.repository}@{self.ci.identity.ref}"[:255])
        return (f"api_key:{self.key_id}", f"{self.role.value}:{self.key_name}"[:255], *map(str, self.lineage))


def superadmin_caller(key_id: UUID, name: str) -> Caller:
    """A superadmin as such, in no tenant."""
    return Caller(tenant_id=NO_TENANT, key_id=key_id, key_name=name, role=Role.SUPERADMIN, superadmin=True)
