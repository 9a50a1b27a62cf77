"""A superadmin's touch: of its own security key, for one request about one tenant; the event keeps what shows it."""

import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from api.fresh.challenging import LASTS, Wish
from api.fresh.guard import Checking, Presented, Touch, evidence_of, operation_of, presented, touch_of
from api.http.asking import Asking
from api.http.refusal import Refused
from api.services import Services
from api.times import wire_time
from api.webauthn.encoding import to_text
from api.webauthn.relying_party import RelyingParty, relying_party
from domain.authenticator import Authenticator
from domain.recovery import SuperadminTouch
from eventstore.callers.superadmin_authenticators import find_authenticator, move_counter, suspect_authenticator
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Known
from loopctl.tlog.operation import Operation, body_hash, operation_challenge
from projections.rows.challenges import CHALLENGES, Challenge, challenge_id, store_challenge

HOW = (
    "This needs a touch of your security key, for exactly this request: the page /recovery does it; or POST "
    "…/recovery/challenge, and webauthn_assertion in the body."
)
NONE = "Enrol a security key first: POST /api/v1/admin/authenticators/challenge."
UNMOVED = "Its security key was used for something else in the meantime: ask for another challenge."


async def make_challenge(services: Services, here: Asking, wish: Wish) -> dict[str, Any]:
    """``here`` is the superadmin at work on the tenant. Raises Refused where it has no security key."""
    now, nonce, caller = services.utc_now(), secrets.token_bytes(32), here.caller
    operation = Operation(caller.tenant_id, wish.method, wish.path, body_hash(wish.body), caller.key_id)
    value = operation_challenge(nonce, operation)
    made = Challenge(
        challenge_id=challenge_id(value), purpose="operation", challenge=value, nonce=nonce, subject="{}",
        outcome=None, created_at=now, expires_at=now + LASTS, used_at=None,
    )  # fmt: skip
    async with services.reading(caller.tenant_id) as tx:
        key = await find_authenticator(tx, caller.key_id)
        if key is None:
            raise Refused("no_authenticators", NONE)
        await store_challenge(tx, made)
    return asked_of_browser(relying_party(services.settings), made, [key])


def asked_of_browser(party: RelyingParty, made: Challenge, keys: list[Authenticator]) -> dict[str, Any]:
    """What navigator.credentials.get wants."""
    return {
        "challenge": to_text(made.challenge), "rp_id": party.id, "user_verification": "required",
        "allow_credentials": [{"id": each.credential_id, "name": each.name} for each in keys],
        "expires_at": wire_time(made.expires_at),
    }  # fmt: skip


class Superadmin(Struct, frozen=True):
    """Who asks, what it has brought along, and the security key that it has. The challenge is marked as used by the
    guard that every command passes (api/fresh/guard.py)."""

    here: Asking
    given: Presented
    key: Authenticator | None
    how: Checking

    def challenge(self, known: Known) -> Challenge | None:
        return known[CHALLENGES.need(self.given.challenge_id)] if self.given.challenge_id else None

    def touch(self, known: Known) -> Touch:
        """Raises Refused, Copied."""
        if self.key is None:
            raise Refused("webauthn_required", NONE)
        if self.given.problem is None and self.given.challenge_id is None:
            raise Refused("webauthn_required", HOW)
        return touch_of(self.given, self.challenge(known), operation_of(self.here), [self.key], self.how)

    def said(self, touch: Touch) -> SuperadminTouch:
        """For the event."""
        shown = evidence_of(touch, self.how.party)
        return SuperadminTouch(
            superadmin_id=str(self.here.caller.key_id), superadmin_name=self.here.caller.key_name,
            public_key=touch.key.public_key, method=shown.method, path=shown.path, body_hash=shown.body_hash,
            nonce=shown.nonce, challenge=shown.challenge, rp_id=shown.rp_id, credential_id=shown.credential_id,
            authenticator_data=shown.authenticator_data, client_data_json=shown.client_data_json,
            signature=shown.signature,
        )  # fmt: skip

    async def move(self, tx: TenantTx, touch: Touch) -> None:
        """In the transaction of the event. Raises Refused when the counter is not where it was."""
        asserted = touch.asserted
        if not await move_counter(tx, touch.key, asserted.sign_count, asserted.backed_up, self.how.at):
            raise Refused("webauthn_failed", UNMOVED)


async def superadmin_of(services: Services, here: Asking) -> Superadmin:
    async with services.reading_names() as tx:
        key = await find_authenticator(tx, here.caller.key_id)
    return Superadmin(here, presented(here), key, Checking(relying_party(services.settings), services.utc_now()))


async def refuse_copied(services: Services, copied: Exception, key_id: UUID, at: datetime) -> Refused:
    """That security key is taken no more."""
    async with services.reading_names() as tx:
        await suspect_authenticator(tx, key_id, at)
    return Refused("webauthn_failed", f"Refused: {copied}. The operator makes you another API key.")
