"""An answer that is made of many commands, kept as a whole under the request's idempotency key."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import Response

from api.commands import Commands, Plan
from api.http.asking import Asking
from api.replies import with_reply_headers
from api.services import Services
from eventstore.log.idempotency import find_reply

Worked = tuple[int, Any, int | None]
"""Status, body, and position of the last event."""


async def answered_once(services: Services, asking: Asking, work: Callable[[], Awaitable[Worked]]) -> Response[bytes]:
    """Does the work and keeps its answer under the request's key; asked again, the same answer, and nothing is done.

    A crash in between leaves what was committed, and the keys of the single commands tell the retry what that was.
    Raises Invalid when the key was used for another request.
    """
    commands = Commands(services)
    if asking.idempotency is not None:
        async with services.reading(asking.caller.tenant_id) as tx:
            earlier = await find_reply(tx, asking.idempotency)
        if earlier is not None:
            return await commands.answer(asking, earlier)
    status, body, position = await work()
    if asking.idempotency is not None:
        await commands.submit(asking, Plan(decide=lambda _: [], answer=lambda *_: body, status=status))
    return with_reply_headers(status, msgspec.json.encode(body), position)
