"""Who may come in: key, tenant, rate, role, in the order of spec 01, section 1.3."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from msgspec import Struct, structs

from api.http.asking import FindCaller, authenticate, check_role
from api.http.headers import Header
from api.http.policy import Policy
from api.http.rate_limits.verdict import RateCheck, Verdict, asked_by
from api.http.refusal import Refused
from domain.caller import NO_TENANT, Caller, Impersonation, Role
from domain.tenant import Tenant
from domain.tenant_settings import read_settings

FindTenant = Callable[[UUID], Awaitable[Tenant | None]]
CheckRate = Callable[[RateCheck], Awaitable[Verdict]]

TAKEN_ROLES = {role.value.encode(): role for role in (Role.USER, Role.ORCHESTRATOR, Role.AGENT)}


class Gate(Struct, frozen=True):
    """What the shell asks of each request that needs a key. Without ``check_rate`` nobody is limited."""

    find_caller: FindCaller
    find_tenant: FindTenant
    check_rate: CheckRate | None
    is_current: Callable[[UUID, int], bool]
    """Whether what is remembered of a tenant's callers is as new as the mark that came with the rate."""
    note: Callable[[Caller], None]
    """Told of each caller that was let in or refused after its rate was checked."""

    async def admit(self, headers: Mapping[bytes, bytes], policy: Policy, more: list[Header]) -> Caller:
        """``more`` takes the headers that the answer has from here on, a refusal as well. Raises Refused."""
        caller = await authenticate(headers, self.find_caller)
        if caller.superadmin and not policy.admin:
            caller = await self._impersonating(caller, headers)
        if self.check_rate and caller.limited:
            verdict = await self.check_rate(asked_by(caller))
            more += verdict.headers()
            if verdict.wait > 0:
                raise verdict.refusal()
            if (
                not caller.superadmin
                and verdict.mark is not None
                and not self.is_current(caller.tenant_id, verdict.mark)
            ):
                caller = await authenticate(headers, self.find_caller)
        self.note(caller)
        if caller.tenant_id == NO_TENANT and not policy.admin:
            raise Refused("tenant_context_required")
        check_role(policy.access, caller.role)
        if caller.superadmin and policy.custody:
            raise Refused("impersonation_refused")
        return caller

    async def _impersonating(self, caller: Caller, headers: Mapping[bytes, bytes]) -> Caller:
        """The superadmin in the tenant that it names, suspended or not; as it is when it names none."""
        named = headers.get(b"x-impersonate-tenant", b"").strip()
        if not named:
            return caller
        tenant = await self._named(named)
        if tenant is None:
            raise Refused("not_found", "Tenant not found")
        taken = TAKEN_ROLES.get(headers.get(b"x-effective-role", b"").strip())
        return structs.replace(
            caller, tenant_id=tenant.tenant_id, role=taken or caller.role,
            impersonation=Impersonation(tenant.slug, taken),
            requests_per_minute=_requests_per_minute(tenant),
        )  # fmt: skip

    async def _named(self, text: bytes) -> Tenant | None:
        try:
            tenant_id = UUID(text.decode("latin-1"))
        except ValueError:
            return None
        return None if tenant_id == NO_TENANT else await self.find_tenant(tenant_id)


def _requests_per_minute(tenant: Tenant) -> int:
    return read_settings(tenant.settings).rate_limit_requests_per_minute
