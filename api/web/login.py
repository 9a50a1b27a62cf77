"""Signing in and out: /login, /logout, and the sessions that are open."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta, Struct

from api.ceremonies.routes import AssertionBody
from api.http.asking import Asker
from api.http.endpoints import SentFrom, SentHeaders
from api.http.page_headers import PAGE
from api.http.query import StrictQuery
from api.http.refusal import Refused
from api.services import Provided, Services
from api.web.cookie import check_same_site, clear_cookie
from api.web.rendering import NO_STORE, page
from api.web.routes import ANY_ACCEPT
from api.web.signing_in import new_login, with_api_key, with_security_key
from api.web.visitors import Sender, Visit, leave, visit
from api.webauthn.assertion import NotAsserted, parse_assertion
from api.webauthn.client_data import BadClientData, challenge_in
from api.webauthn.encoding import to_text
from api.webauthn.relying_party import relying_party
from projections.rows.web_sessions import end_sessions_but

HOME = "/app"
Place = Annotated[str, Meta(max_length=2048)]
OF_SESSION = {"access": "agent+", "any_accept": True, "session": True}


class LoginQuery(StrictQuery, frozen=True, kw_only=True):
    next: Annotated[str, Meta(max_length=2048, description="Where to go afterwards")] = HOME


class KeyBody(Struct, frozen=True, kw_only=True):
    """As the form sends it."""

    api_key: Annotated[str, Meta(max_length=512)] = ""
    next: Place = HOME


class ChallengeBody(Struct, frozen=True, kw_only=True):
    """Nothing: whoever begins is not known yet."""


class PasskeyBody(AssertionBody, frozen=True, kw_only=True):
    login_id: UUID
    next: Place = HOME


class TokenBody(Struct, frozen=True, kw_only=True):
    """Of a form that changes something."""

    token: Annotated[str, Meta(max_length=128)] = ""


@get("/login", opt=ANY_ACCEPT, include_in_schema=False, summary="Sign in")
async def show_login(wanted: NamedDependency[LoginQuery]) -> Response[bytes]:
    return _login_page(place(wanted.next))


@post("/login/challenge", opt={"access": "public"}, include_in_schema=False, status_code=200, summary="For the page")
async def begin_login(
    services: Provided,
    sent_headers: SentHeaders,
    peer: SentFrom,
    data: JSONBody[ChallengeBody],  # noqa: ARG001  # JSON alone
) -> dict[str, Any]:
    check_same_site(services.settings, sent_headers)
    login, challenge = await new_login(services, Sender(sent_headers, peer))
    party = relying_party(services.settings)
    return {"data": {"login_id": login, "challenge": to_text(challenge), "rp_id": party.id}}


@post(
    "/login/passkey", opt={"access": "public"}, include_in_schema=False, status_code=200, summary="With a security key"
)
async def log_in_with_security_key(
    services: Provided, sent_headers: SentHeaders, peer: SentFrom, data: JSONBody[PasskeyBody]
) -> Response[dict[str, Any]]:
    check_same_site(services.settings, sent_headers)
    given = {name: getattr(data, name) for name in AssertionBody.__struct_fields__}
    try:
        assertion, challenge = parse_assertion(given), challenge_in(data.client_data_json)
    except (NotAsserted, BadClientData) as error:
        raise Refused("webauthn_failed", f"This is no answer of a security key: {error}.") from None
    if len(challenge) != 32:
        raise Refused("webauthn_failed", "Its challenge is none of ours.")
    cookie = await with_security_key(services, Sender(sent_headers, peer), data.login_id, challenge, assertion)
    return Response({"data": {"next": place(data.next)}}, headers={**NO_STORE, **cookie})


@post("/login/key", opt=ANY_ACCEPT, include_in_schema=False, status_code=303, summary="With an API key")
async def log_in_with_key(
    services: Provided, sent_headers: SentHeaders, peer: SentFrom, data: JSONBody[KeyBody]
) -> Response[bytes]:
    check_same_site(services.settings, sent_headers)
    try:
        cookie = await with_api_key(services, Sender(sent_headers, peer), data.api_key.strip())
    except Refused as refusal:
        if refusal.code not in ("invalid_api_key", "tenant_inactive"):
            raise
        return _login_page(place(data.next), refusal.message or "")
    return _go_to(place(data.next), cookie)


@post(
    "/logout", opt={**OF_SESSION, "access": "any"}, include_in_schema=False, status_code=303, summary="End the session"
)
async def log_out(services: Provided, sent_headers: SentHeaders, data: JSONBody[TokenBody]) -> Response[bytes]:
    await leave(services, await checked_visit(services, sent_headers, data))
    return _go_to("/login", clear_cookie(services.settings))


@post("/app/sessions/end", opt=OF_SESSION, include_in_schema=False, status_code=303, summary="End all other sessions")
async def end_others(
    services: Provided, asking: Asker, sent_headers: SentHeaders, data: JSONBody[TokenBody]
) -> Response[bytes]:
    found = await checked_visit(services, sent_headers, data)
    if asking.caller.role.rank < 3:
        raise Refused("insufficient_role", "Ending the sessions of others needs the user role.")
    async with services.reading(found.cookie.tenant_id) as tx:
        await end_sessions_but(tx, found.session.session_id)
    return _go_to("/app/settings", {})


async def checked_visit(services: Services, headers: SentHeaders, data: TokenBody) -> Visit:
    """Raises Refused for what another site made the browser send."""
    check_same_site(services.settings, headers)
    found = await visit(services, headers)
    if found is None:
        raise Refused("login_needed")
    if data.token != found.cookie.form_token:
        raise Refused("cross_site")
    return found


def place(wanted: str) -> str:
    """Behind the login, on this host: whatever else is asked for leads to the overview."""
    inside = wanted == HOME or wanted.startswith((HOME + "/", HOME + "?"))
    return wanted if inside and wanted.isprintable() and "\\" not in wanted else HOME


def _login_page(wanted: str, problem: str = "") -> Response[bytes]:
    return page("login.html", 401 if problem else 200, next=wanted, problem=problem)


def _go_to(where: str, headers: dict[str, str]) -> Response[bytes]:
    return Response(
        b"", status_code=303, media_type="text/html", headers={**PAGE, **NO_STORE, **headers, "Location": where}
    )


ROUTES: Sequence[HTTPRouteHandler] = (
    show_login,
    begin_login,
    log_in_with_security_key,
    log_in_with_key,
    log_out,
    end_others,
)
