"""What each route declares about itself. A route without an access rule is never built, and never served."""

import re

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from api.http.limits import Limits

ACCESS = re.compile(
    r"public|any|(agent|orchestrator|user)\+|=(agent|orchestrator|user|superadmin)(,(agent|orchestrator|user|superadmin))*"
)
"""The notation of spec 01, section 1.4, and ``public`` for no key at all."""

KNOWN = frozenset(
    {"access", "body_bytes", "request_seconds", "always_admitted", "any_accept", "errors", "custody", "held_open"}
)


STREAM_ENDS_SECONDS = 30.0
"""A stream ends by itself before the shell's deadline ends it."""


class UndeclaredRoute(Exception):
    """A route that does not say who may call it, or declares something that nothing reads."""


class Policy(Struct, frozen=True, kw_only=True):
    access: str
    body_bytes: int
    body_seconds: float
    request_seconds: float
    always_admitted: bool
    """Answers even when the process is full: health."""
    held_open: bool
    """Takes no place among the running requests: it mostly waits, and its route bounds how many there are."""
    any_accept: bool
    """Its answer is not JSON, so the Accept header is its own affair."""
    admin: bool
    """For superadmins as such: in no tenant, whatever headers say."""
    custody: bool
    """A transition of custody, which nobody makes in another's name."""


def policy_of(handler: HTTPRouteHandler, name: str, limits: Limits) -> Policy:
    """``name`` is for the message of UndeclaredRoute."""
    access = handler.opt.get("access")
    if not isinstance(access, str) or not ACCESS.fullmatch(access):
        raise UndeclaredRoute(f"{name} does not declare who may call it: opt={{'access': 'public'}} or a role rule.")
    if unknown := sorted(handler.opt.keys() - KNOWN):
        raise UndeclaredRoute(f"{name} declares {', '.join(unknown)}, which nothing reads.")
    usual = limits.stream_seconds + STREAM_ENDS_SECONDS if handler.opt.get("held_open") else limits.request_seconds
    seconds = float(handler.opt.get("request_seconds", usual))
    return Policy(
        access=access,
        body_bytes=int(handler.opt.get("body_bytes", limits.body_bytes)),
        body_seconds=limits.body_seconds if seconds == limits.request_seconds else seconds,
        request_seconds=seconds,
        always_admitted=bool(handler.opt.get("always_admitted")),
        held_open=bool(handler.opt.get("held_open")),
        any_accept=bool(handler.opt.get("any_accept")),
        admin=access == "=superadmin",
        custody=bool(handler.opt.get("custody")),
    )
