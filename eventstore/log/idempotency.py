"""Answers that were given before, by idempotency key (spec 06, section 6.4).

An answer that is given again promises what the first one promised, and the first one may never have been given: where
PostgreSQL waits for a standby, a COMMIT whose wait was ended is there for everybody to read, and gone after a failover.
So who says such an answer again waits for the standby as well. PostgreSQL waits only at the end of a transaction that
has written something, and holding the log writes something: the lock on the head's row. What is confirmed is all that
came before, since the standby gets it in order.
"""

from collections.abc import Sequence

from eventstore.database.transaction import TenantTx
from eventstore.log.command import Command, IdempotencyKey, Reply
from eventstore.log.deciding import Replies, answered_again

HOLD = "SELECT app.hold_log($1)"
"""Nobody else appends until the end of the transaction, which ends only when all that it saw is where it is promised to
be: on the disk, and on the synchronous standby if there is one."""

BY_KEY = """
    SELECT i.caller_id, i.key, i.request_hash, i.status, i.body, i.position
      FROM app.idempotency AS i
      JOIN unnest($2::uuid[], $3::text[]) AS asked (caller_id, key)
        ON asked.caller_id = i.caller_id AND asked.key = i.key
     WHERE i.tenant_id = $1
"""


async def find_replies(tx: TenantTx, commands: Sequence[Command]) -> Replies:
    """What these keys were answered. Asked only after a key was found in use, which is the rare case, and with the log
    held."""
    keys = [key for command in commands if (key := command.origin.idempotency)]
    rows = await tx.fetch(BY_KEY, tx.tenant_id, [key.caller_id for key in keys], [key.key for key in keys])
    return {
        (row["caller_id"], row["key"]): (row["request_hash"], Reply(row["status"], row["body"], row["position"]))
        for row in rows
    }


async def find_reply(tx: TenantTx, asked: IdempotencyKey) -> Reply | None:
    """What a request was answered before; for one that is carried out as several commands. True only after the commit.

    Raises Invalid (idempotency_key_reused) when the key was used for another request.
    """
    for row in await tx.fetch(BY_KEY, tx.tenant_id, [asked.caller_id], [asked.key]):
        found = answered_again(asked, row["request_hash"], Reply(row["status"], row["body"], row["position"]))
        if isinstance(found, Exception):
            raise found
        await tx.execute(HOLD, tx.tenant_id)
        return found
    return None
