"""How long a replaced log key goes on signing beside the one that follows it, and its end (spec 05, section 4.1)."""

from datetime import timedelta

from eventstore.database.transaction import TenantTx
from eventstore.heads.checkpoints import StoredHead
from loopctl.tlog.keys import KeyHistory
from loopctl.tlog.rotation import COMPROMISE

LONGEST_OVERLAP = timedelta(days=7)
MOST_HEADS = 1000
"""Heads with both lines, after which the older key ends even if fewer days have passed."""

# Its last size and the destruction of its private half are one statement: there is never a key that should sign and
# cannot. Keys before the newest have a head of the size at which they were replaced, or go on until there is one.
END = """
    WITH replaced AS (
        SELECT k.vkey, next.first_size AS boundary, next.reason
          FROM app.log_key AS k
         CROSS JOIN LATERAL (
               SELECT n.first_size, n.reason
                 FROM app.log_key AS n
                WHERE n.tenant_id = k.tenant_id AND n.purpose = k.purpose AND n.first_size > k.first_size
                ORDER BY n.first_size
                LIMIT 1
               ) AS next
         WHERE k.tenant_id = $1 AND k.purpose = 'log' AND k.last_size IS NULL
    ), over AS (
        SELECT r.vkey
          FROM replaced AS r
          JOIN app.log_checkpoint AS b ON b.tenant_id = $1 AND b.size = r.boundary
         WHERE r.reason = $4
            OR b.signed_at <= $3::timestamptz - $5::interval
            OR (SELECT count(*)
                  FROM (SELECT FROM app.log_checkpoint AS c
                         WHERE c.tenant_id = $1 AND c.size >= r.boundary LIMIT $6) AS both_lines) >= $6
    )
    UPDATE app.log_key AS k
       SET last_size = $2, private_key = NULL, retired_at = $3
      FROM over
     WHERE k.tenant_id = $1 AND k.purpose = 'log' AND k.vkey = over.vkey
"""


async def end_overlaps(tx: TenantTx, history: KeyHistory, newest: StoredHead) -> None:
    """Ends each replaced key whose time is over with ``newest``, the last head that it has signed.

    A key that was replaced because others have it ends with the head of its replacement. For whoever signs, under the
    lock on the tenant's heads. A tenant whose log no longer grows signs nothing, and keeps the older key until it does.
    """
    if all(epoch.last_size is not None for epoch in history.epochs[:-1]):
        return
    await tx.execute(END, tx.tenant_id, newest.size, newest.signed_at, COMPROMISE, LONGEST_OVERLAP, MOST_HEADS)
