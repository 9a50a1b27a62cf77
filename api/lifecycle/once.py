"""An answer that is made of many commands, kept as a whole under the request's idempotency key."""

from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response
from msgspec import Struct, structs

from api.commands import origin, submit, with_reply_headers, written
from api.http.asking import Asking
from api.services import Services
from eventstore.log.command import Command, Reply
from eventstore.log.idempotency import find_reply

BEGUN = "\N{RIGHTWARDS ARROW}"


class Worked(Struct, frozen=True):
    """``position`` is of the last event."""

    status: int
    body: Any
    position: int | None
    whole: bool = True
    """Otherwise custody was halted on the way: this is no answer to keep, and a retry does what is left."""


Find = Callable[[], Awaitable[Sequence[UUID]]]
Work = Callable[[Sequence[UUID]], Awaitable[Worked]]
"""To be done for these stories."""


async def answered_once(services: Services, asking: Asking, find: Find, work: Work) -> Response[bytes]:
    """Does the work for the stories that ``find`` finds, and keeps its answer under the request's key: asked again, the
    same answer.

    Which stories they are is kept before anything is done, so that another request with the key is refused in time,
    and one that comes while the first is under way, or after a crash, means the same stories: the keys of the single
    commands tell it what became of each. Raises Invalid when the key was used for another request.
    """
    if asking.idempotency is None:
        return _answer(await work(await find()))
    async with services.reading(asking.caller.tenant_id) as tx:
        earlier = await find_reply(tx, asking.idempotency)
    if earlier is not None:
        return await written(services, asking, earlier)
    begun = await _kept(services, _beginning(asking), 200, await find())
    if begun.status != 200:
        return await written(services, asking, begun)
    worked = await work(msgspec.json.decode(begun.body, type=list[UUID]))
    if not worked.whole:
        return _answer(worked)
    # Also when the last of the stories has halted custody.
    kept = await _kept(services, structs.replace(asking, halts=False), worked.status, worked.body)
    if kept.replayed:
        return await written(services, asking, kept)
    return with_reply_headers(kept.status, kept.body, worked.position)


def _answer(worked: Worked) -> Response[bytes]:
    return with_reply_headers(worked.status, msgspec.json.encode(worked.body), worked.position)


def _beginning(asking: Asking) -> Asking:
    """With a key that no client can send: its own have no character beyond ASCII."""
    whole = asking.idempotency
    if whole is None:
        return asking
    key = BEGUN + sha256(whole.key.encode()).hexdigest()
    return structs.replace(asking, idempotency=structs.replace(whole, key=key))


async def named_in_the_body() -> Sequence[UUID]:
    """For a request whose body says which stories it means: the same key with another body is refused."""
    return ()


async def _kept(services: Services, asking: Asking, status: int, body: Any) -> Reply:
    """Under the key; the earlier one where there is one."""
    command = Command(
        origin=origin(services, asking), decide=lambda _: [], answer=lambda *_: body, status=status, needs=(),
        streams=(),
    )  # fmt: skip
    return await submit(services, asking, command)
