"""Who asks, whether they may come in (key, tenant, rate, role: spec 01, section 1.3), and with which wishes."""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from uuid import UUID

from litestar.di import NamedDependency
from msgspec import Struct, structs

from api.http.policy import Policy
from api.http.rate_limits.verdict import RateCheck, Verdict, asked_by
from api.http.refusal import Header, Refused
from domain.caller import NO_TENANT, Caller, Impersonation, Role
from domain.tenant import Tenant
from domain.tenant_settings import read_settings
from eventstore.callers.callers import TenantInactive, UnknownKey
from eventstore.log.command import IdempotencyKey

BEARER = b"Bearer "
LONGEST_IDEMPOTENCY_KEY = 255

FindCaller = Callable[[str], Awaitable[Caller]]
"""From a raw key. Raises UnknownKey, TenantInactive."""


class Asking(Struct, frozen=True):
    """A request's caller. ``idempotency`` is None when the client sent no key."""

    caller: Caller
    idempotency: IdempotencyKey | None
    wants_receipt: bool
    seed: bytes = b""
    """Made of the presented key, which is stored nowhere; with an idempotency key only. From it a secret can be made
    that a retry gets again and nobody else can make. 32 bytes, or none."""


Asker = NamedDependency[Asking]
"""How a handler declares that it wants to know who asks: ``asking: Asker``."""


async def authenticate(headers: Mapping[bytes, bytes], find: FindCaller) -> Caller:
    """Raises Refused."""
    token = _token(headers)
    if not token:
        raise Refused("unauthorized")
    try:
        return await find(token.decode("latin-1"))
    except UnknownKey:
        raise Refused("invalid_api_key") from None
    except TenantInactive:
        raise Refused("tenant_inactive") from None


def _token(headers: Mapping[bytes, bytes]) -> bytes:
    """Empty when there is none, or another scheme."""
    presented = headers.get(b"authorization", b"")
    return presented.removeprefix(BEARER).strip() if presented.startswith(BEARER) else b""


def check_role(access: str, role: Role) -> None:
    """``access`` in the notation of spec 01, section 1.4. Raises Refused."""
    if access == "any":
        return
    if access.endswith("+"):
        required = Role(access[:-1])
        if role.rank < required.rank:
            raise Refused("insufficient_role", f"Insufficient permissions. Required role: {required.value}")
        return
    exact = access.removeprefix("=").split(",")
    if role.value not in exact:
        raise Refused("insufficient_role", f"This endpoint requires the {' or '.join(exact)} role")


def asking(caller: Caller, method: str, path: str, headers: Mapping[bytes, bytes], body: bytes) -> Asking:
    """Raises Refused when the idempotency key is empty, too long or not printable ASCII."""
    idempotency = _idempotency(caller, method, path, headers, body)
    seed = sha256(b"loopctl seed\0" + _token(headers)).digest() if idempotency else b""
    return Asking(caller, idempotency, _wants_receipt(headers), seed)


def _idempotency(
    caller: Caller, method: str, path: str, headers: Mapping[bytes, bytes], body: bytes
) -> IdempotencyKey | None:
    given = headers.get(b"idempotency-key")
    if given is None or method in ("GET", "HEAD"):
        return None
    key = given.decode("latin-1").strip()
    if not 0 < len(key) <= LONGEST_IDEMPOTENCY_KEY or not key.isascii() or not key.isprintable():
        raise Refused("bad_request", "Idempotency-Key: 1 to 255 printable ASCII characters")
    return IdempotencyKey(caller.key_id, key, sha256(b"\n".join((method.encode(), path.encode(), body))).digest())


def _wants_receipt(headers: Mapping[bytes, bytes]) -> bool:
    return b"receipt" in (part.strip() for part in headers.get(b"prefer", b"").split(b","))


FindTenant = Callable[[UUID], Awaitable[Tenant | None]]
CheckRate = Callable[[RateCheck], Awaitable[Verdict]]

TAKEN_ROLES = {role.value.encode(): role for role in (Role.USER, Role.ORCHESTRATOR, Role.AGENT)}


class Gate(Struct, frozen=True):
    """What the shell asks of each request that needs a key."""

    find_caller: FindCaller
    find_tenant: FindTenant
    check_rate: CheckRate
    is_current: Callable[[UUID, int], bool]
    """Whether what is remembered of a tenant's callers is as new as the mark that came with the rate."""
    note: Callable[[Caller], None]
    """Told of each caller that was let in or refused after its rate was checked."""

    async def admit(self, headers: Mapping[bytes, bytes], policy: Policy, more: list[Header]) -> Caller:
        """``more`` takes the headers that the answer has from here on, a refusal as well. Raises Refused."""
        caller = await authenticate(headers, self.find_caller)
        if caller.superadmin and not policy.admin:
            caller = await self._impersonating(caller, headers)
        if caller.limited:
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
