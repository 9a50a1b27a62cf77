"""One attempt: the request, and what came of it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import structlog
from msgspec import Struct

from domain.webhook_payload import delivery_id
from egress.client import Answered, EgressRefused, SendFailed
from loopctl.webhook_signatures import PREVIOUS, sign_attempt, sign_body
from workers.webhooks.judging import Outcome, retry_after
from workers.webhooks.rows import Taken

log = structlog.get_logger(__name__)

USER_AGENT = "Loopctl-Webhook/1.0"


class Post(Protocol):
    """As egress.client.Egress sends."""

    async def __call__(self, url: str, headers: dict[str, str], body: bytes, total_seconds: float) -> Answered: ...


class Letter(Struct, frozen=True):
    """What is sent where. ``secrets``: the one in force, and the one before it as long as that is good."""

    webhook_id: UUID
    url: str
    secrets: Sequence[str]
    taken: Taken
    body: bytes


def headers_of(letter: Letter, timestamp: str) -> dict[str, str]:
    id_ = str(delivery_id(letter.webhook_id, letter.taken.position))
    current, *previous = letter.secrets
    signature = sign_body(current, letter.body)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "X-Webhook-ID": id_,
        "X-Webhook-Timestamp": timestamp,
        "X-Loopctl-Event": letter.taken.event_type,
        "X-Loopctl-Signature": signature,
        "X-Signature-256": signature,
        "webhook-id": id_,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(sign_attempt(each, id_, timestamp, letter.body) for each in letter.secrets),
    }
    if previous:
        headers[PREVIOUS.title()] = sign_body(previous[0], letter.body)
    return headers


async def attempt(post: Post, letter: Letter, total_seconds: float) -> Outcome:
    """Never raises: what came to no end would be sent anew with every lease, for ever. Of an answer only the status is
    kept: the rest is nobody's to read."""
    try:
        return await _attempted(post, letter, total_seconds)
    except Exception:  # what nobody has foreseen is a failure like others
        log.exception("webhook_attempt_failed", name=str(letter.webhook_id))
        return Outcome(error="internal_error")


async def _attempted(post: Post, letter: Letter, total_seconds: float) -> Outcome:
    now = datetime.now(UTC)
    try:
        answered = await post(
            letter.url, headers_of(letter, str(int(now.timestamp()))), letter.body, total_seconds=total_seconds
        )
    except EgressRefused as refusal:
        return Outcome(error=f"refused: the address {refusal.problem}")
    except SendFailed as failure:
        return Outcome(error=failure.kind, seconds=failure.seconds)
    return Outcome(
        status=answered.status, seconds=answered.seconds,
        retry_after=retry_after(answered.headers.get("retry-after"), now),
    )  # fmt: skip
