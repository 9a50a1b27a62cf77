"""An answer that is made of many commands, kept as a whole under the request's idempotency key."""

from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response
from msgspec import structs

from api.commands import origin, submit, with_reply_headers, written
from api.http.asking import Asking
from api.services import Services
from eventstore.log.command import Command, Reply
from eventstore.log.idempotency import find_reply

BEGUN = "\N{RIGHTWARDS ARROW}"

Worked = tuple[int, Any, int | None]
"""Status, body, and position of the last event."""
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
        status, body, position = await work(await find())
        return with_reply_headers(status, msgspec.json.encode(body), position)
    async with services.reading(asking.caller.tenant_id) as tx:
        earlier = await find_reply(tx, asking.idempotency)
    if earlier is not None:
        return await written(services, asking, earlier)
    begun = await _kept(services, _beginning(asking), 200, await find())
    if begun.status != 200:
        return await written(services, asking, begun)
    status, body, position = await work(msgspec.json.decode(begun.body, type=list[UUID]))
    kept = await _kept(services, asking, status, body)
    if kept.replayed:
        return await written(services, asking, kept)
    return with_reply_headers(kept.status, kept.body, position)


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
