"""Answers of commands: what the log's writer replied, as HTTP."""

import base64

from litestar import Response

from api.http.asking import Asking
from api.http.errors import failure_of, render
from api.services import Services
from domain.errors import Rejected
from eventstore.log.command import Reply


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
