"""An answer that is made of many commands, kept as a whole under the request's idempotency key."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import Response

from api.commands import origin, submit, with_reply_headers, written
from api.http.asking import Asking
from api.services import Services
from eventstore.log.command import Command
from eventstore.log.idempotency import find_reply

Worked = tuple[int, Any, int | None]
"""Status, body, and position of the last event."""


async def answered_once(services: Services, asking: Asking, work: Callable[[], Awaitable[Worked]]) -> Response[bytes]:
    """Does the work and keeps its answer under the request's key; asked again, the same answer, and nothing is done.

    A crash in between leaves what was committed, and the keys of the single commands tell the retry what that was.
    Raises Invalid when the key was used for another request.
    """
    if asking.idempotency is not None:
        async with services.reading(asking.caller.tenant_id) as tx:
            earlier = await find_reply(tx, asking.idempotency)
        if earlier is not None:
            return await written(services, asking, earlier)
    status, body, position = await work()
    if asking.idempotency is not None:
        kept = Command(
            origin=origin(services, asking), decide=lambda _: [], answer=lambda *_: body, status=status, needs=(),
            streams=(),
        )  # fmt: skip
        await submit(services, asking, kept)
    return with_reply_headers(status, msgspec.json.encode(body), position)
