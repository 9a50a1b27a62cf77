"""What each route declares about itself. A route without an access rule is never built, and never served."""

import re
from collections.abc import Callable, Mapping
from typing import Literal

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from api.http.limits import Limits

ACCESS = re.compile(
    r"public|any|(agent|orchestrator|user)\+|=(agent|orchestrator|user|superadmin)(,(agent|orchestrator|user|superadmin))*"
)
"""The notation of spec 01, section 1.4, and ``public`` for no key at all."""

KNOWN = frozenset(
    {
        "access",
        "body_bytes",
        "request_seconds",
        "always_admitted",
        "any_accept",
        "errors",
        "custody",
        "fresh",
        "halts",
        "way_out",
        "places",
        "packed",
        "not_built",
        "session",
        "ci",
    }
)


PLACES = frozenset({"running", "imports", "exports", "streams", "tools"})
"""What a route's requests take one of, a budget of its own each (api/http/limits.py). Streams mostly wait, and exports
wait for their readers, so that these two keep their place until they are sent to the end. Tools ask for others while
they keep theirs."""

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
    places: str
    """One of PLACES."""
    held_to_the_end: bool
    """Its requests keep their place until the answer is sent."""
    any_accept: bool
    """Its answer is not JSON, so the Accept header is its own affair."""
    admin: bool
    """For superadmins as such: in no tenant, whatever headers say."""
    custody: bool
    """A transition of custody, which nobody makes in another's name."""
    fresh: bool
    """It may destroy or weaken: what a person has confirmed with a security key is looked for (api/fresh)."""
    halts: bool
    """Waits while the tenant's custody is halted: transitions of custody but for the way out, and what can be one."""
    packed: Mapping[bytes, Callable[[bytes], bytes]]
    """Makes JSON of bodies of other types, which such a route takes as well, and compressed by gzip. Raises Refused."""
    session: bool
    """A page behind the login: who looks is known by a cookie and never by a key; elsewhere never by a cookie."""
    ci: Literal["post", "read"] | None
    """What a job of a CI may do here with a token that its issuer has signed, where it may at all (api/evidence)."""
    not_built: str
    """What the contracts name and this version does not do, as they write it; empty for what it does."""


def policy_of(handler: HTTPRouteHandler, name: str, limits: Limits) -> Policy:
    """``name`` is for the message of UndeclaredRoute."""
    access = handler.opt.get("access")
    if not isinstance(access, str) or not ACCESS.fullmatch(access):
        raise UndeclaredRoute(f"{name} does not declare who may call it: opt={{'access': 'public'}} or a role rule.")
    if unknown := sorted(handler.opt.keys() - KNOWN):
        raise UndeclaredRoute(f"{name} declares {', '.join(unknown)}, which nothing reads.")
    places = str(handler.opt.get("places", "running"))
    if places not in PLACES:
        raise UndeclaredRoute(f"{name} takes one of {places}, which there are not.")
    usual = limits.stream_seconds + STREAM_ENDS_SECONDS if places == "streams" else limits.request_seconds
    seconds = float(handler.opt.get("request_seconds", usual))
    return Policy(
        access=access,
        body_bytes=int(handler.opt.get("body_bytes", limits.body_bytes)),
        body_seconds=limits.body_seconds if seconds == limits.request_seconds else seconds,
        request_seconds=seconds,
        always_admitted=bool(handler.opt.get("always_admitted")),
        places=places,
        held_to_the_end=places in ("exports", "streams"),
        any_accept=bool(handler.opt.get("any_accept")),
        admin=access == "=superadmin",
        custody=bool(handler.opt.get("custody")),
        fresh=bool(handler.opt.get("fresh")),
        halts=bool(handler.opt.get("halts") or handler.opt.get("custody")) and not handler.opt.get("way_out"),
        packed=handler.opt.get("packed", {}),
        session=bool(handler.opt.get("session")),
        ci=handler.opt.get("ci"),
        not_built=str(handler.opt.get("not_built", "")),
    )
