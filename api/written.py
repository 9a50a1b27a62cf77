"""Answers of commands: what the log's writer replied, as HTTP."""

from litestar import Response

from api.errors import failure_of, render
from domain.errors import Rejected
from eventstore.command import Reply


def written(reply: Reply) -> Response[bytes]:
    """``Loopctl-Position`` is the event's place in the log; ``Idempotent-Replayed`` marks an old answer."""
    headers = {"Cache-Control": "no-store"}
    if reply.position is not None:
        headers["Loopctl-Position"] = str(reply.position)
    if reply.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(reply.body, status_code=reply.status, media_type="application/json", headers=headers)


def refused(refusal: Rejected) -> Reply:
    """The same envelope as for every other error; kept under the idempotency key."""
    failure = failure_of(refusal)
    return Reply(failure.status, render(failure, problem=False)[0])
