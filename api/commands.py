"""What a route hands to the log, and what comes back as HTTP."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response
from msgspec import Struct

from api.http.asking import Asking
from api.http.refusal import Refused
from api.replies import refused, written
from api.services import Services
from domain.caller import Caller
from domain.errors import NotFound
from domain.event import Recorded, Stream
from domain.key import ApiKey
from domain.tenant import Tenant
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Change, Command, Need, Refusal, Reply

Known = Mapping[Need, Any]
Decide = Callable[[Known], Sequence[Change] | Refusal]
Answer = Callable[[Known, Sequence[Recorded]], Any]
"""From what is known after the changes to what the body is encoded from; None for an empty body."""


class Plan(Struct, frozen=True, kw_only=True):
    """What one request comes to. See eventstore.log.command for ``needs``, ``streams``, ``alone`` and ``beside``."""

    decide: Decide
    answer: Answer
    needs: Sequence[Need] = ()
    streams: Sequence[Stream] | Callable[[Known], Sequence[Stream]] = ()
    status: int = 200
    alone: bool = False
    beside: Callable[[TenantTx], Awaitable[None]] | None = None


class Commands:
    """Carries out commands for whoever asks."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def carry_out(self, asking: Asking, plan: Plan) -> Response[bytes]:
        return await self.answer(asking, await self.submit(asking, plan))

    async def carry_out_removal(self, asking: Asking, plan: Plan) -> Response[None]:
        """The same for an answer without a body; the framework wants its handler to say so."""
        answer: Any = await self.carry_out(asking, plan)
        return answer  # type: ignore[no-any-return]  # its bytes are none

    async def submit(self, asking: Asking, plan: Plan) -> Reply:
        """Returns after the commit, for a route that has something to add to the answer."""
        services, caller, at = self._services, asking.caller, self._services.utc_now()

        def decide(known: Known) -> Sequence[Change] | Refusal:
            check_caller(known, caller, at)
            return plan.decide(known)

        def reply(known: Known, recorded: Sequence[Recorded]) -> Reply:
            body = plan.answer(known, recorded)
            encoded = b"" if body is None else msgspec.json.encode(body)
            return Reply(plan.status, encoded, recorded[-1].position if recorded else None)

        command = Command(
            actor=caller.actor, at=at, needs=(*plan.needs, *standing(caller)), streams=plan.streams, decide=decide,
            reply=reply, refuse=refused, idempotency=asking.idempotency, alone=plan.alone, beside=plan.beside,
        )  # fmt: skip
        answer = await services.submit(caller.tenant_id, command)
        if answer.position is not None and any(stream.kind in OF_CALLERS for stream in streams_of(plan)):
            await services.callers_changed(caller.tenant_id)
        return answer

    async def answer(self, asking: Asking, reply: Reply) -> Response[bytes]:
        return await written(asking, reply, self._services.log_reader)


OF_CALLERS = ("api_key", "tenant")
"""Streams whose events change who may come in."""


def streams_of(plan: Plan) -> Sequence[Stream]:
    """Those that are named before anything is known; a caller's own are."""
    return () if callable(plan.streams) else plan.streams


def standing(caller: Caller) -> Sequence[Need]:
    """What of the caller itself every decision has to know. Keys of superadmins are in no log, and look each time."""
    if caller.superadmin:
        return ()
    return (Need("api_key", caller.key_id), Need("tenant", caller.tenant_id))


def check_caller(known: Known, caller: Caller, at: datetime) -> None:
    """At the head of the log, so whatever was remembered of the caller: a key that was revoked writes nothing more.

    Raises Refused, not a refusal of the domain: that would be kept under the idempotency key, and a retry after the
    tenant was activated again would hear it once more.
    """
    if caller.superadmin:
        return
    key_need, tenant_need = standing(caller)
    key: ApiKey | None = known[key_need]
    tenant: Tenant | None = known[tenant_need]
    if key is None or not key.is_good(at):
        raise Refused("invalid_api_key")
    if tenant is None or tenant.status != "active":
        raise Refused("tenant_inactive")


def existing(known: Known, need: Need) -> Any:
    """What is known of an entity. Raises NotFound when there is none, or none that the caller may see."""
    state = known[need]
    if state is None:
        raise NotFound("Not found")
    return state
