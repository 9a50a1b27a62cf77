"""Who asks, whether they may come in (key, tenant, rate, role: spec 01, section 1.3), and with which wishes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from math import ceil
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar.di import NamedDependency
from msgspec import Struct, field, structs

from api.http.policy import Policy
from api.http.rate_limits.local import FailedKeys
from api.http.rate_limits.verdict import RateCheck, Verdict
from api.http.refusal import Header, Refused
from api.http.witness import SHOWN, Witnessing, head_headers
from domain.caller import NO_TENANT, Caller, Impersonation, Role
from domain.tenant import Tenant
from domain.tenant_settings import read_settings
from eventstore.callers.callers import TenantInactive, UnknownKey
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.log.command import IdempotencyKey
from loopctl.tlog.operation import MEMBER, body_hash

BEARER = b"Bearer "
LONGEST_IDEMPOTENCY_KEY = 255
NO_CEREMONY = "Loopctl-Ceremony is the ceremony_id that POST /api/v1/ceremonies has answered."

FindCaller = Callable[[str], Awaitable[Caller]]
"""From a raw key. Raises UnknownKey, TenantInactive."""

CiUse = Literal["post", "read"]
FindCi = Callable[[str, CiUse], Awaitable[Caller]]
"""From a CI's token, for a route that takes one. Raises Refused."""

FindVisitor = Callable[[Mapping[bytes, bytes]], Awaitable[Caller | None]]
"""From the headers of a page's request; None without a session, and with one that has ended."""


class Fresh(Struct, frozen=True):
    """The request, as a person confirms it with a security key, and what came along to show it: an assertion as it was
    sent, or the id of a ceremony."""

    method: str
    path: str
    body: bytes
    given: Any | UUID | None

    @property
    def body_hash(self) -> bytes:
        """Only for a touch that is looked at: it costs as much as the body is large."""
        return body_hash(msgspec.json.decode(self.body) if self.body else None)


class Asking(Struct, frozen=True):
    """A request's caller. ``idempotency`` is None when the client sent no key."""

    caller: Caller
    idempotency: IdempotencyKey | None
    wants_receipt: bool
    halts: bool = False
    """What is asked for waits while the tenant's custody is halted."""
    seed: bytes = b""
    """Made of the presented key, which is stored nowhere; with an idempotency key only. From it a secret can be made
    that a retry gets again and nobody else can make. 32 bytes, or none."""
    capability: str | None = None
    """As X-Loopctl-Capability names it."""
    fresh: Fresh | None = None
    """Of a route that may destroy or weaken."""


Asker = NamedDependency[Asking]
"""How a handler declares that it wants to know who asks: ``asking: Asker``."""


def _token(headers: Mapping[bytes, bytes]) -> bytes:
    """Empty when there is none, or another scheme."""
    presented = headers.get(b"authorization", b"")
    return presented.removeprefix(BEARER).strip() if presented.startswith(BEARER) else b""


def check_role(access: str, role: Role) -> None:
    """``access`` in the notation of spec 01, section 1.4. Raises Refused."""
    if role in _entitled(access):
        return
    if access.endswith("+"):
        raise Refused("insufficient_role", f"Insufficient permissions. Required role: {access[:-1]}")
    exact = access.removeprefix("=").split(",")
    raise Refused("insufficient_role", f"This endpoint requires the {' or '.join(exact)} role")


@cache
def _entitled(access: str) -> frozenset[Role]:
    """Computed once for each rule: there are as many as routes spell."""
    if access == "any":
        return frozenset(Role)
    if access.endswith("+"):
        return frozenset(role for role in Role if role.rank >= Role(access[:-1]).rank)
    return frozenset(role for role in Role if role.value in access.removeprefix("=").split(","))


def asking(
    caller: Caller, request: tuple[str, str], headers: Mapping[bytes, bytes], body: bytes, *, halts: bool
) -> Asking:
    """``request`` is method and target. Raises Refused when the idempotency key is empty, too long or not
    printable ASCII."""
    idempotency = _idempotency(caller, *request, headers, body)
    seed = sha256(b"loopctl seed\0" + _token(headers)).digest() if idempotency else b""
    return Asking(caller, idempotency, _wants_receipt(headers), halts, seed, _capability(headers))


def fresh(method: str, path: str, headers: Mapping[bytes, bytes], body: bytes) -> Fresh:
    """``body`` is checked JSON, or nothing. Raises Refused for what is neither an assertion nor a ceremony's id."""
    given = _member(body)
    if header := headers.get(b"loopctl-assertion", b"").strip():
        given = header.decode("latin-1")
    if named := headers.get(b"loopctl-ceremony", b"").strip():
        try:
            given = UUID(named.decode("latin-1"))
        except ValueError:
            raise Refused("webauthn_failed", NO_CEREMONY) from None
    return Fresh(method, path, body, given)


class _Said(Struct, frozen=True):
    """What else is in a body is passed over, and nothing is made of it: others would wait for that."""

    given: Any = field(default=None, name=MEMBER)


def _member(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body, type=_Said).given if body else None
    except msgspec.ValidationError:  # no object
        return None


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


def _capability(headers: Mapping[bytes, bytes]) -> str | None:
    given = headers.get(b"x-loopctl-capability")
    return None if given is None else given.decode("latin-1").strip()


def _wants_receipt(headers: Mapping[bytes, bytes]) -> bool:
    return b"receipt" in (part.strip() for part in headers.get(b"prefer", b"").split(b","))


FindTenant = Callable[[UUID], Awaitable[Tenant | None]]
CheckRate = Callable[[RateCheck], Awaitable[Verdict]]
Peer = tuple[str, int] | None
"""Who is at the other end of the connection, as far as that is known."""

TAKEN_ROLES = {role.value.encode(): role for role in (Role.USER, Role.ORCHESTRATOR, Role.AGENT)}
MOST_LOOKS = 4
"""At a key that is changed again and again while it is looked up."""


class Gate(Struct, frozen=True):
    """What the shell asks of each request that needs a key."""

    find_caller: FindCaller
    find_visitor: FindVisitor
    find_ci: FindCi
    find_tenant: FindTenant
    check_rate: CheckRate
    mark_of: Callable[[UUID], int]
    """What is remembered of a tenant's callers is as new as this mark."""
    marked: Callable[[UUID, int], None]
    """Told a newer one: what is remembered is to be forgotten."""
    failed_keys: FailedKeys
    judged_locally: Callable[[], None]
    """Told of each request whose rate only this process has counted."""
    witnessing: Witnessing
    note: Callable[[Caller], None]
    """Told of each caller that was let in or refused after its rate was checked."""

    async def admit(self, headers: Mapping[bytes, bytes], peer: Peer, policy: Policy, more: list[Header]) -> Caller:
        """``more`` takes the headers that the answer has from here on, a refusal as well. Raises Refused."""
        if policy.session:
            return await self._visitor(headers, policy)
        caller = await self._counted(headers, peer, more, policy)
        if caller.ci is None:
            self.note(caller)
        if caller.tenant_id == NO_TENANT and not policy.admin:
            raise Refused("tenant_context_required")
        check_role(policy.access, caller.role)
        if caller.superadmin and policy.custody:
            raise Refused("impersonation_refused")
        if caller.witness_mode == "required" or not SHOWN.isdisjoint(headers):
            await self.witnessing.check(caller, headers)
        return caller

    async def _visitor(self, headers: Mapping[bytes, bytes], policy: Policy) -> Caller:
        """Who looks at a page: with the rights of a key and within its limits. Raises Refused."""
        caller = await self.find_visitor(headers)
        if caller is None:
            raise Refused("login_needed")
        if policy.admin and not caller.superadmin:
            raise Refused("not_found")  # that there is such a page is nobody else's business
        if caller.superadmin:
            if not (policy.admin or policy.access == "any"):
                raise Refused("tenant_context_required")
            return caller
        verdict = await self.check_rate(_rate_of(caller, None))
        if verdict.wait > 0:
            raise verdict.refusal()
        check_role(policy.access, caller.role)
        return caller

    async def count(self, headers: Mapping[bytes, bytes], peer: Peer, more: list[Header]) -> None:
        """Of a request that is refused whoever asks: it counts as well, when its key is good. Raises Refused only when
        there were too many."""
        if not _token(headers):
            return
        try:
            self.note(await self._counted(headers, peer, more, None))
        except Refused as refusal:
            if refusal.code == "rate_limited":
                raise
        except DatabaseUnavailable:
            return

    async def _counted(
        self, headers: Mapping[bytes, bytes], peer: Peer, more: list[Header], policy: Policy | None
    ) -> Caller:
        """``policy`` of the route, None when there is none."""
        for _ in range(MOST_LOOKS):
            caller = await self._found(headers, peer, policy.ci if policy else None)
            if caller.superadmin and not (policy and policy.admin):
                caller = await self._impersonating(caller, headers)
            if caller.role == Role.SUPERADMIN:  # one that took no role is not limited
                return caller
            mark = None if caller.superadmin else self.mark_of(caller.tenant_id)
            verdict = await self.check_rate(_rate_of(caller, mark))
            if verdict.newer is None:
                break
            self.marked(caller.tenant_id, verdict.newer)
        else:
            raise Refused("overloaded", headers={"Retry-After": "1"})
        more += _limits_told(verdict)
        if caller.head is not None:
            more += head_headers(caller.head)
        if verdict.local:
            self.judged_locally()
        if verdict.wait > 0:
            raise verdict.refusal()
        return caller

    async def _found(self, headers: Mapping[bytes, bytes], peer: Peer, ci: CiUse | None) -> Caller:
        token = _token(headers)
        if not token:
            raise Refused("unauthorized")
        raw_key, source = token.decode("latin-1"), None
        if self.failed_keys:
            source = self.failed_keys.source(headers, peer)
            self.failed_keys.check(source, raw_key)
        if ci is not None and raw_key.count(".") == 2:
            return await self._of_ci(raw_key, ci, source or self.failed_keys.source(headers, peer))
        try:
            return await self.find_caller(raw_key)
        except UnknownKey:
            self.failed_keys.add(source or self.failed_keys.source(headers, peer))
            raise Refused("invalid_api_key") from None
        except TenantInactive:
            raise Refused("tenant_inactive") from None

    async def _of_ci(self, token: str, use: CiUse, source: str) -> Caller:
        """A token that is refused counts as a key that there is not."""
        try:
            return await self.find_ci(token, use)
        except Refused as refusal:
            if refusal.code == "ci_token_refused":
                self.failed_keys.add(source)
            raise

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


def _rate_of(caller: Caller, mark: int | None) -> RateCheck:
    return RateCheck(caller.key_id, caller.tenant_id, caller.requests_per_minute, mark)


def _limits_told(verdict: Verdict) -> Sequence[Header]:
    """As spec 01, section 1.10, spells them."""
    named: list[Header] = [
        (b"x-ratelimit-limit", b"%d" % verdict.limit),
        (b"x-ratelimit-remaining", b"%d" % verdict.remaining),
        (b"x-ratelimit-reset", b"%d" % ceil(verdict.reset)),
    ]
    return [*named, (b"x-ratelimit-policy", b"local")] if verdict.local else named


def _requests_per_minute(tenant: Tenant) -> int:
    return read_settings(tenant.settings).rate_limit_requests_per_minute
