"""Recovery on the wire."""

from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from api.times import wire_time
from api.webauthn.bodies import AttestedBody, NameBody, Text
from domain.errors import Invalid
from domain.fields import must_be
from domain.recovery import Recovery

Reason = Annotated[str, Meta(max_length=65_536)]
SHOWN: dict[str, Any] = {
    "status": "waiting", "reason": "The office has burnt down", "opened_by": "Ann", "seconded_by": "Bob",
    "opened_at": "2026-03-27T12:00:00.000000Z", "ready_at": "2026-03-30T13:00:00.000000Z", "ended_at": None,
}  # fmt: skip
CHALLENGE: dict[str, Any] = {
    "challenge": "3q2-7w…", "rp_id": "loopctl.example", "user_verification": "required",
    "allow_credentials": [{"id": "AAEC", "name": "Blue key"}], "expires_at": "2026-03-27T12:02:00.000000Z",
}  # fmt: skip


class RecoverTenantBody(Struct, frozen=True):
    reason: Reason = ""


class CancelBody(Struct, frozen=True, kw_only=True):
    """What navigator.credentials.get has returned."""

    credential_id: Text = ""
    authenticator_data: Text = ""
    client_data_json: Text = ""
    signature: Text = ""


class LinkBody(NameBody, frozen=True, kw_only=True):
    """``link`` is what stands behind the # of the link."""

    link: Text = ""


class UseLinkBody(AttestedBody, frozen=True, kw_only=True):
    link: Text = ""


def link_parts(link: str) -> tuple[UUID, str]:
    """Tenant and secret. Raises Invalid."""
    tenant, _, secret = link.strip().removeprefix("#").partition(".")
    try:
        return UUID(tenant), secret
    except ValueError:
        raise Invalid(link=must_be("what stands behind the # of the link")) from None


def recovery_body(recovery: Recovery | None) -> dict[str, Any] | None:
    if recovery is None:
        return None
    times = {name: getattr(recovery, name) for name in ("opened_at", "ready_at", "ended_at")}
    return {
        "status": recovery.status, "reason": recovery.reason, "opened_by": recovery.opened_by_name,
        "seconded_by": recovery.seconded_by_name, **{name: at and wire_time(at) for name, at in times.items()},
    }  # fmt: skip
