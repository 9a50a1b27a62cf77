"""What a route hands to the log, and what comes back as HTTP."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response
from msgspec import Struct

from api.asking import Asking
from api.services import Services
from api.written import refused, written
from domain.errors import NotFound
from domain.event import Recorded, Stream
from eventstore.command import Change, Command, Need, Refusal, Reply

Known = Mapping[Need, Any]
Decide = Callable[[Known], Sequence[Change] | Refusal]
Answer = Callable[[Known, Sequence[Recorded]], Any]
"""From what is known after the changes to what the body is encoded from; None for an empty body."""


class Plan(Struct, frozen=True, kw_only=True):
    """What one request comes to. See eventstore.command for ``needs``, ``streams`` and ``alone``."""

    decide: Decide
    answer: Answer
    needs: Sequence[Need] = ()
    streams: Sequence[Stream] | Callable[[Known], Sequence[Stream]] = ()
    status: int = 200
    alone: bool = False


class Commands:
    """Carries out commands for whoever asks."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def carry_out(self, asking: Asking, plan: Plan) -> Response[bytes]:
        services = self._services

        def reply(known: Known, recorded: Sequence[Recorded]) -> Reply:
            body = plan.answer(known, recorded)
            encoded = b"" if body is None else msgspec.json.encode(body)
            return Reply(plan.status, encoded, recorded[-1].position if recorded else None)

        command = Command(
            actor=asking.caller.actor, at=services.utc_now(), needs=plan.needs, streams=plan.streams,
            decide=plan.decide, reply=reply, refuse=refused, idempotency=asking.idempotency, alone=plan.alone,
        )  # fmt: skip
        return await written(asking, await services.submit(asking.caller.tenant_id, command), services.log_reader)


def existing(known: Known, need: Need) -> Any:
    """What is known of an entity. Raises NotFound when there is none, or none that the caller may see."""
    state = known[need]
    if state is None:
        raise NotFound("Not found")
    return state
