"""Who asks, and with which wishes beside the request itself."""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256

from litestar.di import NamedDependency
from msgspec import Struct

from api.http.refusal import Refused
from domain.api_key import is_well_formed
from domain.caller import Caller, Role
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
    raw_key = token.decode("latin-1")
    if not is_well_formed(raw_key):  # a typing error need not cost a look-up
        raise Refused("invalid_api_key")
    try:
        return await find(raw_key)
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
