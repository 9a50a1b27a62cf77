"""Who a security key speaks to: the relying party, from the settings and never from a request."""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from msgspec import Struct

from config.settings import Settings

NAME = "loopctl"
LOCAL = "localhost"


class RelyingParty(Struct, frozen=True):
    """``origins`` are exact: scheme, host and port. ``roots`` (PEM) and ``models`` (AAGUIDs) say whose security keys
    are taken; empty, anybody's."""

    id: str
    origins: tuple[str, ...]
    roots: tuple[bytes, ...] = ()
    models: frozenset[str] = frozenset()

    @property
    def address(self) -> str:
        """Where the pages are that a browser lets use a key."""
        return self.origins[0]


@lru_cache(maxsize=8)
def relying_party(settings: Settings) -> RelyingParty:
    """Of the public address, unless it is said. An IP address can be none (the browser refuses it), so that a service
    on the loopback interface is ``localhost`` to browsers."""
    parts = urlsplit(settings.base_url())
    host = parts.hostname or LOCAL
    name = LOCAL if _is_loopback(host) else host
    port = f":{parts.port}" if parts.port is not None else ""
    said = [origin.strip().rstrip("/") for origin in (settings.webauthn_origins or "").split(",")]
    origins = tuple(filter(None, said)) or (f"{parts.scheme}://{name}{port}",)
    return RelyingParty(
        settings.webauthn_rp_id or name, origins,
        settings.webauthn_roots.certificates if settings.webauthn_roots else (),
        settings.webauthn_models.aaguids if settings.webauthn_models else frozenset(),
    )  # fmt: skip


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
