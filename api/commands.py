"""From a request to the log and back: whose wish a command is, and its reply as HTTP."""

import base64
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from litestar import Response

from api.fresh.guard import guarded
from api.http.asking import Asking
from api.http.errors import failure_of, render
from api.http.refusal import Refused
from api.services import Services
from api.webauthn.relying_party import relying_party
from domain.ci_trust import distrusted
from domain.errors import NotFound, Rejected
from domain.event import Recorded, Stream
from eventstore.log.command import Command, Known, Need, Origin, Reply
from eventstore.log.idempotency import find_reply
from projections.rows.ci_trusts import CI_TRUSTS
from projections.rows.keys import KEYS
from projections.rows.tenants import TENANTS

UNTOUCHED = ("webauthn_required", "webauthn_failed")
OF_CALLERS = ("api_key", "dispatch", "tenant")
"""Streams whose events change who may come in."""


def origin(services: Services, asking: Asking) -> Origin:
    """Whose wish it is. What is known of the key and its tenant is looked at with every decision."""
    caller = asking.caller
    needs: Sequence[Need[Any]] = ()
    if caller.ci:
        needs = (CI_TRUSTS.need(caller.key_id), TENANTS.need(caller.tenant_id))
    elif not caller.superadmin:  # keys of superadmins are in no log, and are looked up each time
        needs = (KEYS.need(caller.key_id), TENANTS.need(caller.tenant_id))
    elif asking.halts:
        needs = (TENANTS.need(caller.tenant_id),)
    at = services.utc_now()
    return Origin(
        actor=caller.actor, at=at, refuse=refused, idempotency=asking.idempotency, needs=needs,
        check=partial(check_caller, asking, at),
    )  # fmt: skip


def check_caller(asking: Asking, at: datetime, known: Known) -> None:
    """At the head of the log, so whatever was remembered of the caller: a key that was revoked writes nothing more.

    Raises Refused, not a refusal of the domain: that would be kept under the idempotency key, and a retry after the
    tenant was activated again would hear it once more.
    """
    caller = asking.caller
    if caller.superadmin and not asking.halts:
        return
    tenant = known[TENANTS.need(caller.tenant_id)]
    if caller.ci:
        if distrusted(known[CI_TRUSTS.need(caller.key_id)], caller.ci):
            raise Refused("ci_not_trusted")
    elif not caller.superadmin:
        key = known[KEYS.need(caller.key_id)]
        if key is None or not key.is_good(at):
            raise Refused("invalid_api_key")
        if tenant is None or tenant.status != "active":
            raise Refused("tenant_inactive")
    if tenant is None:
        raise NotFound("Not found")
    if asking.halts and tenant.custody_halted_at is not None:
        raise Refused("tenant_halted")


async def carry_out(services: Services, asking: Asking, command: Command) -> Response[bytes]:
    """Answers after the commit."""
    return await written(services, asking, await submit(services, asking, command))


async def carry_out_removal(services: Services, asking: Asking, command: Command) -> Response[None]:
    """The same for an answer without a body; Litestar wants its handler to say so."""
    answer: Any = await carry_out(services, asking, command)
    return answer  # type: ignore[no-any-return]  # its bytes are none


async def submit(services: Services, asking: Asking, command: Command) -> Reply:
    """Returns after the commit, for a route that has something to add to the answer."""
    confirmed = guarded(asking, command, relying_party(services.settings))
    try:
        reply = await services.submit(asking.caller.tenant_id, confirmed)
    except Refused as refusal:
        if refusal.code not in UNTOUCHED:
            raise
        reply = await earlier(services, asking, refusal)
    if reply.position is not None and any(stream.kind in OF_CALLERS for stream in _named(command)):
        await services.callers_changed(asking.caller.tenant_id)
    return reply


async def earlier(services: Services, asking: Asking, refusal: Refused) -> Reply:
    """A retry whose touch of a security key is used up hears the first answer. Raises the refusal where there is
    none."""
    if asking.idempotency is None or asking.fresh is None:
        raise refusal
    async with services.reading(asking.caller.tenant_id) as tx:
        reply = await find_reply(tx, asking.idempotency)
    if reply is None:
        raise refusal
    return reply


def _named(command: Command) -> Sequence[Stream]:
    """Those that are named before anything is known; a caller's own are."""
    return () if callable(command.streams) else command.streams


def no_body(_: Known, __: Sequence[Recorded]) -> None:
    """Of a command whose answer has no body."""


async def written(services: Services, asking: Asking, reply: Reply) -> Response[bytes]:
    """``Loopctl-Position`` is the event's place in the log; ``Idempotent-Replayed`` marks an old answer.

    With ``Prefer: receipt`` the tlog-proof of the event comes along as ``Loopctl-Receipt``, in unpadded base64url:
    in a header, so that the body is the same whether it was asked for or not.
    """
    headers: dict[str, str] = {}
    if reply.position is not None:
        headers["Loopctl-Position"] = str(reply.position)
        if asking.wants_receipt:
            receipt = await services.log_reader.receipt(asking.caller.tenant_id, reply.position)
            headers["Loopctl-Receipt"] = base64.urlsafe_b64encode(receipt).rstrip(b"=").decode()
            headers["Preference-Applied"] = "receipt"
    if reply.replayed:
        headers["Idempotent-Replayed"] = headers["Idempotency-Replayed"] = "true"  # the contracts spell it both ways
    return Response(reply.body, status_code=reply.status, media_type="application/json", headers=headers)


def refused(refusal: Rejected) -> Reply:
    """The same envelope as for every other error; kept under the idempotency key."""
    failure = failure_of(refusal)
    return Reply(failure.status, render(failure, problem=False)[0])


def with_reply_headers(status: int, body: bytes, position: int | None) -> Response[bytes]:
    """An answer that was made of several replies; ``position`` is of the last of their events."""
    headers = {} if position is None else {"Loopctl-Position": str(position)}
    return Response(body, status_code=status, media_type="application/json", headers=headers)
