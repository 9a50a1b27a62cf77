"""Texts that can be erased: beside the log, which has only a commitment to each (spec 05, section 4.2).

Written with their entries, read by whoever reads events, deleted by `payload.erased` and by nothing else. What an entry
proves does not depend on them: every hash, proof and receipt is over the entry's bytes.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from eventstore.database.transaction import TenantTx

KEEP = """
    INSERT INTO app.payload (tenant_id, position, salt, payload)
    SELECT $1, given.*
      FROM unnest($2::bigint[], $3::bytea[], $4::bytea[]) AS given
"""

FIND = """
    SELECT p.position, p.payload
      FROM app.payload AS p
     WHERE p.tenant_id = $1 AND p.position = ANY ($2::bigint[])
"""

PAGE = """
    SELECT position, salt, payload
      FROM app.payload
     WHERE tenant_id = $1 AND position > $2
     ORDER BY position
     LIMIT $3
"""

DELETE = "DELETE FROM app.payload WHERE tenant_id = $1 AND position = $2 RETURNING payload"

# Answers to the command itself and to whatever has shown the entity since, up to the erasure. Those to commands that
# changed nothing have no position. Answers that say how to come in show no texts, whatever words they have in common,
# and who has lost one gets it again by a retry alone.
BLANK_ANSWERS = """
    UPDATE app.idempotency AS i
       SET body = '{}'
     WHERE i.tenant_id = $1
       AND (i.position >= $2 AND i.position < $3 OR i.position IS NULL)
       AND EXISTS (SELECT FROM unnest($4::bytea[]) AS erased (text) WHERE position(erased.text IN i.body) > 0)
       AND NOT EXISTS (
           SELECT
             FROM app.log_entry AS l
            WHERE l.tenant_id = $1
              AND l.position = i.position
              AND convert_from(l.entry, 'UTF8')::json -> 'entity' ->> 0 = ANY ($5::text[]))
"""


# Made again from the log when it is asked for, or has still to be sent.
FORGET_BODIES = "UPDATE app.webhook_delivery SET body = NULL WHERE tenant_id = $1 AND position = $2"

OF_SECRETS = ("api_key", "authenticator", "dispatch", "recovery", "webhook")
"""Kinds of the streams whose events' answers are kept without a secret, which a retry is shown again."""

EMPTY = 2
"""Bytes of a value that says nothing."""


class Payload(Struct, frozen=True):
    """``payload`` is canonical JSON: texts by the member of the event that they are. ``salt`` has 16 bytes."""

    position: int
    salt: bytes
    payload: bytes


async def keep_payloads(tx: TenantTx, payloads: Sequence[Payload]) -> None:
    await tx.execute(
        KEEP, tx.tenant_id, [each.position for each in payloads], [each.salt for each in payloads],
        [each.payload for each in payloads],
    )  # fmt: skip


async def find_payloads(tx: TenantTx, positions: Sequence[int]) -> dict[int, bytes]:
    """Those that are still there."""
    return {row["position"]: row["payload"] for row in await tx.fetch(FIND, tx.tenant_id, positions)}


async def payloads_after(tx: TenantTx, position: int, most: int) -> list[Payload]:
    """In the order of the log."""
    rows = await tx.fetch(PAGE, tx.tenant_id, position, most)
    return [Payload(row["position"], row["salt"], row["payload"]) for row in rows]


async def delete_payload(tx: TenantTx, position: int, erased_at: int) -> None:
    """With what else was kept of it: answers, and bodies of deliveries. Nothing happens where it is gone already, as in
    a replay."""
    payload: bytes | None = await tx.fetchval(DELETE, tx.tenant_id, position)
    if payload is not None:
        await tx.execute(FORGET_BODIES, tx.tenant_id, position)
        texts: dict[str, str] = msgspec.json.decode(payload)
        sent = [form for text in texts.values() for form in _as_sent(text)]
        forms = [form for form in sent if len(form) > EMPTY]
        await tx.execute(BLANK_ANSWERS, tx.tenant_id, position, erased_at, forms, OF_SECRETS)


def _as_sent(text: str) -> Sequence[bytes]:
    """As a value in an answer: a JSON string; what reads as JSON may stand there as it is, too."""
    try:
        value: Any = msgspec.json.decode(text)
    except msgspec.DecodeError:
        value = None
    said = msgspec.json.encode(text)
    return (said, text.encode()) if isinstance(value, dict | list) else (said,)
