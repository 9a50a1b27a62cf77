"""Challenges for one request: made for whoever will send it, and for a browser to answer."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from api.fresh.words import words_of
from api.http.asking import Asking
from api.http.refusal import Refused
from api.services import Services
from api.times import wire_time
from api.webauthn.encoding import to_text
from api.webauthn.relying_party import relying_party
from domain.authenticator import Authenticator
from domain.fields import BLANK, Problems, must_be
from loopctl.tlog.operation import Operation, body_hash, canonical_body, operation_challenge
from projections.rows.authenticators import read_authenticators
from projections.rows.challenges import Challenge, Purpose, challenge_id, forget_stale, store_challenge

LASTS = timedelta(seconds=120)
KEPT = timedelta(hours=1)
METHODS = ("POST", "PUT", "PATCH", "DELETE")
LONGEST_PATH = 2048
LONGEST_BODY = 65_536
Text = Annotated[str, Meta(max_length=65_536)]


class OperationBody(Struct, frozen=True, kw_only=True):
    """The request that is to be confirmed, as it will be sent. ``body`` without the assertion."""

    method: Text | None = None
    path: Text | None = None
    body: dict[str, Any] | None = None

    def wish(self) -> "Wish":
        """Raises Invalid."""
        problems = Problems()
        method, path = (self.method or "").strip().upper(), (self.path or "").strip()
        if not method:
            problems.add("method", BLANK)
        problems.one_of("method", method, METHODS)
        if not path:
            problems.add("path", BLANK)
        if not path.startswith("/api/v1/") or len(path) > LONGEST_PATH or not path.isascii() or not path.isprintable():
            problems.add("path", must_be(f"a path of this API, from /api/v1/ on, of {LONGEST_PATH} characters at most"))
        if len(canonical_body(self.body)) > LONGEST_BODY:
            problems.add("body", f"should be at most {LONGEST_BODY} byte(s)")
        problems.raise_any()
        return Wish(method, path, self.body)


class Wish(Struct, frozen=True):
    method: str
    path: str
    body: Any


class ThroughBrowser(Struct, frozen=True):
    """A ceremony: the code that stands on the page as well, and the hash of the secret that asks how it stands."""

    user_code: str
    poll_hash: str


class Subject(Struct, frozen=True, kw_only=True):
    """What the row keeps of it, for the page that a person reads."""

    words: str
    method: str
    path: str
    body: str
    key_id: str
    key_name: str
    through: ThroughBrowser | None = None


class Made(Struct, frozen=True):
    challenge: Challenge
    subject: Subject
    authenticators: Sequence[Authenticator]


async def make_challenge(services: Services, asking: Asking, wish: Wish, through: ThroughBrowser | None = None) -> Made:
    """Raises Refused where the tenant has no security key."""
    purpose: Purpose = "ceremony" if through else "operation"
    now, nonce, caller = services.utc_now(), secrets.token_bytes(32), asking.caller
    operation = Operation(caller.tenant_id, wish.method, wish.path, body_hash(wish.body), caller.key_id)
    value = operation_challenge(nonce, operation)
    subject = Subject(
        words=words_of(wish.method, wish.path), method=wish.method, path=wish.path,
        body=canonical_body(wish.body).decode(), key_id=str(caller.key_id), key_name=caller.key_name,
        through=through,
    )  # fmt: skip
    made = Challenge(
        challenge_id=challenge_id(value), purpose=purpose, challenge=value, nonce=nonce,
        subject=msgspec.json.encode(subject).decode(), outcome=None, created_at=now, expires_at=now + LASTS,
        used_at=None,
    )  # fmt: skip
    async with services.reading(caller.tenant_id) as tx:
        keys = [each for each in await read_authenticators(tx) if each.suspected_at is None]
        if not keys:
            raise Refused(
                "no_authenticators", "The tenant has no security key, so that nothing asks for one: send the request."
            )
        await store_challenge(tx, made)
        await forget_stale(tx, now - KEPT)
    return Made(made, subject, keys)


def challenge_body(services: Services, made: Made) -> dict[str, Any]:
    """What navigator.credentials.get wants."""
    return {
        "challenge": to_text(made.challenge.challenge),
        "rp_id": relying_party(services.settings).id,
        "user_verification": "required",
        "allow_credentials": [{"id": each.credential_id, "name": each.name} for each in made.authenticators],
        "operation": made.subject.words,
        "expires_at": wire_time(made.challenge.expires_at),
    }
