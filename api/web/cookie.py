"""The cookie of a session: which tenant's, and 256 random bits of which only a hash is kept."""

import secrets
from collections.abc import Mapping
from hashlib import sha256
from uuid import UUID

from msgspec import Struct

from api.http.refusal import Refused
from api.webauthn.relying_party import relying_party
from config.settings import Settings

ATTRIBUTES = "HttpOnly; SameSite=Strict; Path=/"
FROM_ELSEWHERE = "This was not sent by a page of this service: open the page anew, and try again."


class Cookie(Struct, frozen=True):
    tenant_id: UUID
    token: str

    @property
    def hashed(self) -> bytes:
        return sha256(self.token.encode()).digest()

    @property
    def form_token(self) -> str:
        """For forms of this session's pages: who knows it has read one of them."""
        return sha256(b"form\0" + self.token.encode()).hexdigest()


def new_cookie(tenant_id: UUID) -> Cookie:
    return Cookie(tenant_id, secrets.token_urlsafe(32))


def name_of(settings: Settings) -> str:
    """With the prefix that binds it to this host and to TLS; a browser takes that over https only, and over plain http
    a service is reached on the machine it runs on."""
    return "__Host-lc_session" if settings.base_url().startswith("https://") else "lc_session"


def set_cookie(settings: Settings, cookie: Cookie) -> dict[str, str]:
    return _header(settings, f"{cookie.tenant_id.hex}.{cookie.token}; {ATTRIBUTES}")


def clear_cookie(settings: Settings) -> dict[str, str]:
    return _header(settings, f"; {ATTRIBUTES}; Max-Age=0")


def _header(settings: Settings, rest: str) -> dict[str, str]:
    name = name_of(settings)
    return {"Set-Cookie": f"{name}={rest}{'; Secure' if name.startswith('__Host-') else ''}"}


def read_cookie(settings: Settings, headers: Mapping[bytes, bytes]) -> Cookie | None:
    """None when there is none, or something else under its name."""
    wanted = name_of(settings)
    for part in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        name, _, value = part.strip().partition("=")
        tenant, _, token = value.partition(".")
        if name == wanted and len(tenant) == 32 and 0 < len(token) <= 64:
            try:
                return Cookie(UUID(hex=tenant), token)
            except ValueError:
                return None
    return None


def check_same_site(settings: Settings, headers: Mapping[bytes, bytes]) -> None:
    """Of a request that changes something: it was sent by one of our own pages. Raises Refused."""
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin", b"").decode("latin-1")
    own = {settings.base_url(), *relying_party(settings).origins}
    if site == b"same-origin" or (site is None and origin in own):
        return
    raise Refused("cross_site", FROM_ELSEWHERE)
