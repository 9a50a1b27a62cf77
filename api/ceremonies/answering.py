"""A ceremony: a request that a browser is asked to confirm, for a client that is none."""

import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from api.fresh.challenging import Made, Subject, ThroughBrowser, Wish, challenge_body, make_challenge
from api.http.asking import Asking
from api.http.refusal import Refused
from api.services import Services
from api.times import wire_time
from api.webauthn.assertion import NotAsserted, check_assertion, parse_assertion
from api.webauthn.relying_party import relying_party
from eventstore.database.transaction import TenantTx
from projections.rows.authenticators import read_authenticators
from projections.rows.challenges import Challenge, find_ceremony_tenant, find_challenge, leave_outcome

CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no word comes of it."""
GONE = "This ceremony was answered, used, or has expired: begin another one with POST /api/v1/ceremonies."


async def begin_ceremony(services: Services, asking: Asking, wish: Wish) -> dict[str, Any]:
    """Raises Refused."""
    letters = "".join(secrets.choice(CODE_LETTERS) for _ in range(8))
    code, secret = f"{letters[:4]}-{letters[4:]}", secrets.token_urlsafe(32)
    made = await make_challenge(services, asking, wish, ThroughBrowser(code, sha256(secret.encode()).hexdigest()))
    id_ = made.challenge.challenge_id
    return {
        "ceremony_id": id_,
        "url": f"{relying_party(services.settings).address}/ceremonies/{id_}",
        "user_code": code,
        "poll_secret": secret,
        **challenge_body(services, made),
    }


async def standing(services: Services, asking: Asking, id_: UUID, headers: Mapping[bytes, bytes]) -> dict[str, Any]:
    """For whoever began it, with the secret that it got. Raises Refused (not_found) for everybody else."""
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await _found(tx, id_)
    subject = subject_of(found)
    hashed = sha256(headers.get(b"loopctl-poll-secret", b"").strip()).hexdigest()
    own = subject.through is not None and hmac.compare_digest(hashed, subject.through.poll_hash)
    if not own or subject.key_id != str(asking.caller.key_id):
        raise Refused("not_found")
    return {"ceremony_id": id_, "status": _status(found, services.utc_now()), "expires_at": wire_time(found.expires_at)}


async def shown(services: Services, id_: UUID) -> dict[str, Any]:
    """What the page says, and asks the key with. Raises Refused."""
    async with services.reading(await _tenant(services, id_)) as tx:
        found, keys = await _found(tx, id_), await read_authenticators(tx)
    subject = subject_of(found)
    good = [each for each in keys if each.suspected_at is None]
    return {
        **challenge_body(services, Made(found, subject, good)),
        "status": _status(found, services.utc_now()),
        "user_code": subject.through.user_code if subject.through else None,
        "method": subject.method, "path": subject.path, "body": msgspec.Raw(subject.body.encode()),
        "key_name": subject.key_name,
    }  # fmt: skip


async def answer_ceremony(services: Services, id_: UUID, given: Any) -> dict[str, Any]:
    """What was brought back is left for the request, which looks at it once more. Raises Refused."""
    async with services.reading(await _tenant(services, id_)) as tx:
        found = await _found(tx, id_)
        if _status(found, services.utc_now()) != "pending":
            raise Refused("challenge_spent", GONE)
        try:
            assertion = parse_assertion(given)
            keys = [each for each in await read_authenticators(tx) if each.suspected_at is None]
            key = next((each for each in keys if each.credential_id == assertion.credential_id), None)
            if key is None:
                raise Refused("webauthn_failed", "It is of no security key of this tenant.")
            check_assertion(relying_party(services.settings), found.challenge, key, assertion)
        except NotAsserted as error:
            raise Refused("webauthn_failed", f"It was not accepted: {error}.") from None
        left = msgspec.json.encode(assertion).decode()
        if not await leave_outcome(tx, id_, services.utc_now(), left):
            raise Refused("challenge_spent", GONE)
    return {"ceremony_id": id_, "status": "confirmed"}


def subject_of(found: Challenge) -> Subject:
    return msgspec.json.decode(found.subject, type=Subject)


async def _found(tx: TenantTx, id_: UUID) -> Challenge:
    found = await find_challenge(tx, id_)
    if found is None or found.purpose != "ceremony":
        raise Refused("not_found")
    return found


async def _tenant(services: Services, id_: UUID) -> UUID:
    async with services.reading_names() as tx:
        tenant = await find_ceremony_tenant(tx, id_)
    if tenant is None:
        raise Refused("not_found")
    return tenant


def _status(found: Challenge, at: datetime) -> str:
    if found.used_at is not None:
        return "used"
    if found.expires_at <= at:
        return "expired"
    return "pending" if found.outcome is None else "confirmed"
