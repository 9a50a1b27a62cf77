"""What each route declares about itself. A route without an access rule is never built, and never served."""

import re

from litestar.enums import ParamType
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
    repeatable: frozenset[str]
    """Query parameters that take a list."""


def policy_of(handler: HTTPRouteHandler, name: str, limits: Limits) -> Policy:
    """``name`` is for the message of UndeclaredRoute."""
    access = handler.opt.get("access")
    if not isinstance(access, str) or not ACCESS.fullmatch(access):
        raise UndeclaredRoute(f"{name} does not declare who may call it: opt={{'access': 'public'}} or a role rule.")
    if unknown := sorted(handler.opt.keys() - KNOWN):
        raise UndeclaredRoute(f"{name} declares {', '.join(unknown)}, which nothing reads.")
    seconds = float(handler.opt.get("request_seconds", limits.request_seconds))
    return Policy(
        access=access,
        body_bytes=int(handler.opt.get("body_bytes", limits.body_bytes)),
        body_seconds=seconds if "request_seconds" in handler.opt else limits.body_seconds,
        request_seconds=seconds,
        always_admitted=bool(handler.opt.get("always_admitted")),
        held_open=bool(handler.opt.get("held_open")),
        any_accept=bool(handler.opt.get("any_accept")),
        admin=access == "=superadmin",
        custody=bool(handler.opt.get("custody")),
        repeatable=_repeatable(handler),
    )


def _repeatable(handler: HTTPRouteHandler) -> frozenset[str]:
    return frozenset(
        field.kwarg_definition.name or name  # type: ignore[union-attr]  # a query parameter has a definition
        for name, field in handler.parsed_fn_signature.parameters.items()
        if field.is_non_string_sequence and getattr(field.kwarg_definition, "param_type", None) is ParamType.QUERY
    )
