"""The public keys of a CI's issuer: asked for through the one client that goes out, and remembered for a while."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import jwt
import msgspec
from msgspec import Meta, Struct

from api.http.refusal import Refused
from egress.client import Egress, EgressRefused, SendFailed, Wish

REMEMBERED_SECONDS = 600.0
"""After which a key that the issuer has withdrawn counts no more."""
ASKED_AGAIN_SECONDS = 30.0
"""Between two askings for a key that was not among those: whoever makes names of keys up costs the issuer no more."""
FAILED_SECONDS = 3.0
"""After which an issuer that did not answer is asked again: whoever waits meanwhile is answered at once."""
LARGEST_ANSWER = 200_000
TOTAL_SECONDS = 10.0
ALGORITHM = "RS256"
"""What GitHub and GitLab sign with; nothing else is taken, whatever a token says."""


class Discovery(Struct, frozen=True):
    issuer: str
    jwks_uri: str


class Jwks(Struct, frozen=True):
    keys: Annotated[list[dict[str, Any]], Meta(max_length=100)]


class Remembered(Struct, frozen=True):
    keys: Mapping[str, Any]
    """By their ``kid``."""
    at: float


class IssuerKeys:
    """Of all issuers, for one process."""

    def __init__(self, egress: Egress, clock: Callable[[], float]) -> None:
        """``clock`` in seconds that never go back."""
        self._egress = egress
        self._clock = clock
        self._known: dict[str, Remembered] = {}
        self._asking: dict[str, asyncio.Lock] = {}
        self._asked: dict[str, float] = {}
        self._failed: set[str] = set()

    async def find(self, issuer: str, kid: str) -> Any:
        """The key of this name. Raises Refused (ci_token_refused, ci_issuer_unavailable)."""
        async with self._asking.setdefault(issuer, asyncio.Lock()):
            known = await self._current(issuer, kid)
        if kid not in known.keys:
            raise Refused("ci_token_refused", "The token is signed by a key that its issuer does not have (any more).")
        return known.keys[kid]

    async def _current(self, issuer: str, kid: str) -> Remembered:
        """Asked for anew when it is old, or when the key is none of it; not again and again where that fails."""
        known, now = self._known.get(issuer), self._clock()
        fresh = known is not None and now - known.at <= REMEMBERED_SECONDS
        if known is not None and fresh and (kid in known.keys or now - self._asked[issuer] <= ASKED_AGAIN_SECONDS):
            return known
        if not fresh and now - self._asked.get(issuer, -FAILED_SECONDS) < FAILED_SECONDS and issuer in self._failed:
            raise unavailable(issuer, "it did not answer a moment ago")
        self._asked[issuer] = now
        self._failed.add(issuer)
        renewed = await self._renewed(issuer)
        self._failed.discard(issuer)
        return renewed

    async def _renewed(self, issuer: str) -> Remembered:
        found = await self._get(f"{issuer}/.well-known/openid-configuration", Discovery)
        if found.issuer != issuer or urlsplit(found.jwks_uri)[:2] != urlsplit(issuer)[:2]:
            raise unavailable(issuer, "what it says of itself names another issuer, or keys of another place")
        keys: dict[str, Any] = {}
        for each in (await self._get(found.jwks_uri, Jwks)).keys:
            kid = each.get("kid")
            if each.get("kty") != "RSA" or not isinstance(kid, str) or each.get("use", "sig") != "sig":
                continue
            try:
                keys[kid] = jwt.PyJWK(each, algorithm=ALGORITHM).key
            except jwt.PyJWTError:
                continue
        self._known[issuer] = remembered = Remembered(keys, self._clock())
        return remembered

    async def _get(self, url: str, kind: Any) -> Any:
        try:
            received = await self._egress.exchange(Wish("GET", url, {}, b""), LARGEST_ANSWER, TOTAL_SECONDS)
        except EgressRefused as refusal:
            raise unavailable(url, f"its address {refusal.problem}") from None
        except SendFailed as failure:
            raise unavailable(url, failure.kind.replace("_", " ")) from None
        if received.status != 200 or received.cut:
            raise unavailable(url, f"it was answered {received.status}")
        try:
            return msgspec.json.decode(received.body, type=kind)
        except msgspec.MsgspecError:
            raise unavailable(url, "its answer is not what an issuer says") from None


def unavailable(where: str, why: str) -> Refused:
    return Refused(
        "ci_issuer_unavailable", f"The keys of the issuer cannot be had ({where}): {why}. Try again.",
        headers={"Retry-After": "10"},
    )  # fmt: skip
