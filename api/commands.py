"""From a request to the log and back: whose wish a command is, and its reply as HTTP."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from litestar import Response

from api.http.asking import Asking
from api.http.refusal import Refused
from api.replies import refused, written
from api.services import Services
from domain.caller import Caller
from domain.event import Recorded, Stream
from eventstore.log.command import Command, Known, Need, Origin, Reply
from projections.rows.keys import KEYS
from projections.rows.tenants import TENANTS

OF_CALLERS = ("api_key", "tenant")
"""Streams whose events change who may come in."""


def origin(services: Services, asking: Asking) -> Origin:
    """Whose wish it is. What is known of the key and its tenant is looked at with every decision."""
    caller = asking.caller
    needs: Sequence[Need[Any]] = ()
    if not caller.superadmin:  # keys of superadmins are in no log, and are looked up each time
        needs = (KEYS.need(caller.key_id), TENANTS.need(caller.tenant_id))
    at = services.utc_now()
    return Origin(
        actor=caller.actor, at=at, refuse=refused, idempotency=asking.idempotency, needs=needs,
        check=partial(check_caller, caller, at),
    )  # fmt: skip


def check_caller(caller: Caller, at: datetime, known: Known) -> None:
    """At the head of the log, so whatever was remembered of the caller: a key that was revoked writes nothing more.

    Raises Refused, not a refusal of the domain: that would be kept under the idempotency key, and a retry after the
    tenant was activated again would hear it once more.
    """
    if caller.superadmin:
        return
    key, tenant = known[KEYS.need(caller.key_id)], known[TENANTS.need(caller.tenant_id)]
    if key is None or not key.is_good(at):
        raise Refused("invalid_api_key")
    if tenant is None or tenant.status != "active":
        raise Refused("tenant_inactive")


async def carry_out(services: Services, asking: Asking, command: Command) -> Response[bytes]:
    """Answers after the commit."""
    return await written(services, asking, await submit(services, asking, command))


async def carry_out_removal(services: Services, asking: Asking, command: Command) -> Response[None]:
    """The same for an answer without a body; Litestar wants its handler to say so."""
    answer: Any = await carry_out(services, asking, command)
    return answer  # type: ignore[no-any-return]  # its bytes are none


async def submit(services: Services, asking: Asking, command: Command) -> Reply:
    """Returns after the commit, for a route that has something to add to the answer."""
    reply = await services.submit(asking.caller.tenant_id, command)
    if reply.position is not None and any(stream.kind in OF_CALLERS for stream in _named(command)):
        await services.callers_changed(asking.caller.tenant_id)
    return reply


def _named(command: Command) -> Sequence[Stream]:
    """Those that are named before anything is known; a caller's own are."""
    return () if callable(command.streams) else command.streams


def no_body(_: Known, __: Sequence[Recorded]) -> None:
    """Of a command whose answer has no body."""
