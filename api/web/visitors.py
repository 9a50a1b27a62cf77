"""Who looks at a page, from the cookie of a session; and sessions that begin and end."""

from collections.abc import Mapping
from uuid import UUID

from msgspec import Struct, structs

from api.http.asking import Peer
from api.services import Services
from api.web.cookie import Cookie, new_cookie, read_cookie, set_cookie
from domain.caller import Caller, Role
from projections.rows.web_sessions import (
    SEEN_EVERY,
    FoundSession,
    NewSession,
    end_session,
    find_session,
    seen,
    start_session,
)

LONGEST_BROWSER = 255


class Sender(Struct, frozen=True):
    """Of a request that begins a session."""

    headers: Mapping[bytes, bytes]
    peer: Peer


class Visit(Struct, frozen=True):
    cookie: Cookie
    session: FoundSession


async def visit(services: Services, headers: Mapping[bytes, bytes]) -> Visit | None:
    """None without a session, and with one that has ended."""
    cookie = read_cookie(services.settings, headers)
    if cookie is None:
        return None
    async with services.reading(cookie.tenant_id) as tx:
        found = await find_session(tx, cookie.hashed, services.utc_now())
    return None if found is None else Visit(cookie, found)


async def find_visitor(services: Services, headers: Mapping[bytes, bytes]) -> Caller | None:
    """And notes that the session is used; when its pages look by themselves for what is new, nobody uses it."""
    found = await visit(services, headers)
    if found is None:
        return None
    now = services.utc_now()
    if b"hx-request" not in headers and now - found.session.seen_at >= SEEN_EVERY:
        async with services.reading(found.cookie.tenant_id) as tx:
            await seen(tx, found.session.session_id, now)
    return found.session.caller


async def begin_session(
    services: Services, headers: Mapping[bytes, bytes], begun: NewSession, of: Caller
) -> dict[str, str]:
    """The header with its cookie. The session that the browser had ends: none is ever taken over."""
    cookie = new_cookie(of.tenant_id)
    before = await visit(services, headers)
    async with services.reading(of.tenant_id) as tx:
        await start_session(tx, structs.replace(begun, token_hash=cookie.hashed))
    if before is not None:
        await leave(services, before)
    return set_cookie(services.settings, cookie)


async def session_of_new_key(
    services: Services, headers: Mapping[bytes, bytes], tenant_id: UUID, key_id: UUID
) -> dict[str, str]:
    """Of a key that this very request has made: whoever made it is signed in with it."""
    begun = NewSession(
        session_id=services.new_id(), token_hash=b"", at=services.utc_now(), browser=browser_of(headers), key_id=key_id
    )
    caller = Caller(tenant_id=tenant_id, key_id=key_id, key_name="", role=Role.USER)
    return await begin_session(services, headers, begun, caller)


async def leave(services: Services, visit: Visit) -> None:
    async with services.reading(visit.cookie.tenant_id) as tx:
        await end_session(tx, visit.session.session_id)


def browser_of(headers: Mapping[bytes, bytes]) -> str:
    said = headers.get(b"user-agent", b"").decode("latin-1")
    return "".join(letter for letter in said if letter.isprintable())[:LONGEST_BROWSER] or "unknown"
