"""A log's key, changed by a person of the tenant: /api/v1/tenants/:id (spec 01, section 2.3; spec 05, section 4.1)."""

import base64
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta, Struct

from api.commands import origin, submit, written
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.log.rotating import Answer, FirstKey, bootstrap, rotation
from api.log.schemas import json_key_id
from api.paths import TenantPath
from api.services import Provided
from api.times import wire_time
from domain.errors import Invalid, NotFound
from domain.log_key import check_reason
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.heads.log_keys import log_origin
from eventstore.heads.signing import ClockBehind
from loopctl.tlog.vkey import VerifierKey

SCHEDULED = "scheduled"
BOOTSTRAPPED = "bootstrapped"
VKEY = "loopctl.example/t/0193a2b4-0000-7000-8000-000000000001+c706ddd6+AXTleKWmiuhX8m1ytKor+fn4V0qhFWsajoE9/+YU3RQl"
SHOWN: dict[str, Any] = {
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "audit_signing_public_key": "dOV4paaK6FfybXK0qiv5+fhXSqEVaxqOgT3/5hTdFCU=",
    "key_id": "c706ddd6b1f0a955",
    "vkey": VKEY,
    "reason": SCHEDULED,
}
OF_PERSONS: dict[str, Any] = {"access": "user+", "custody": True, "way_out": True, "fresh": True}
"""Also during a halt: a key that others have may be why there is one."""


class RotateLogKeyBody(Struct, frozen=True):
    reason: Annotated[str, Meta(max_length=65_536)] = SCHEDULED


@post(
    "/api/v1/tenants/{tenant_id:uuid}/rotate-audit-key",
    opt={**OF_PERSONS, "errors": ("no_audit_key", "audit_key_changed", "idempotency_key_reused")},
    tags=["Log"],
    summary="Give the log of the caller's tenant a new key",
    description=(
        "The old key signs over to it in an entry of the log, so that who knows the old one can follow. Both sign "
        "heads for seven days or 1,000 heads; with the reason compromise the old one ends at once. Heads that were "
        "signed before stay good."
    ),
    status_code=200,
    responses=answers(200, "The new key", {"data": {**SHOWN, "rotated_at": "2026-03-27T12:00:00.000000Z"}}),
)
async def rotate_audit_key(
    services: Provided, asking: Asker, tenant_id: TenantPath, data: JSONBody[RotateLogKeyBody]
) -> Response[bytes]:
    _check_own(asking, tenant_id)
    check_reason(data.reason)
    try:
        changing = await services.log_reader.begin_change(tenant_id, data.reason)
    except NotFound:
        raise Invalid(
            "The log has no key: POST …/bootstrap-audit-key makes its first one", code="no_audit_key"
        ) from None
    wish = origin(services, asking)
    answer = _saying(tenant_id, changing.new.key, data.reason, rotated_at=wire_time(wish.at))
    reply = await submit(services, asking, rotation(tenant_id, wish, changing, answer))
    if reply.position is not None and not reply.replayed:
        with suppress(ClockBehind, DatabaseUnavailable):  # whoever signs next makes the boundary head then
            await services.log_reader.whole_head(tenant_id)
    return await written(services, asking, reply)


@post(
    "/api/v1/tenants/{tenant_id:uuid}/bootstrap-audit-key",
    opt={**OF_PERSONS, "errors": ("audit_key_exists", "idempotency_key_reused")},
    tags=["Log"],
    summary="Give the log of the caller's tenant its first key",
    description="For a log that has none: every tenant is made with one.",
    status_code=200,
    responses=answers(200, "The key", {"data": {**SHOWN, "reason": BOOTSTRAPPED, "message": "The log has its key."}}),
)
async def bootstrap_audit_key(services: Provided, asking: Asker, tenant_id: TenantPath) -> Response[bytes]:
    _check_own(asking, tenant_id)
    first = FirstKey(
        services.log_reader.signing.keyring, log_origin(services.settings.base_url(), tenant_id),
        Ed25519PrivateKey.generate(), BOOTSTRAPPED,
    )  # fmt: skip
    answer = _saying(tenant_id, first.key, BOOTSTRAPPED, message="The log has its key.")
    command = bootstrap(tenant_id, origin(services, asking), first, answer)
    return await written(services, asking, await submit(services, asking, command))


def _check_own(asking: Asking, tenant_id: UUID) -> None:
    """Another tenant is as good as none. Raises NotFound."""
    if asking.caller.tenant_id != tenant_id:
        raise NotFound("Not found")


def _saying(tenant_id: UUID, key: VerifierKey, reason: str, **more: str) -> Answer:
    body = {
        "tenant_id": tenant_id, "audit_signing_public_key": base64.b64encode(key.public_key).decode(),
        "key_id": json_key_id(key.public_key), "vkey": key.text(), "reason": reason, **more,
    }  # fmt: skip
    return lambda *_: {"data": body}


ROUTES: Sequence[HTTPRouteHandler] = (rotate_audit_key, bootstrap_audit_key)
