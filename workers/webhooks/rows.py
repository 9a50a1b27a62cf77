"""Statements about receivers and deliveries of one tenant, in its transaction. Time is PostgreSQL's."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.tenant_settings import read_settings
from eventstore.database.transaction import SystemTx, TenantTx
from workers.webhooks.judging import Outcome, Pace, Target, Verdict, most_at_once

DUE = "SELECT tenant_id, webhook_id FROM app.due_webhooks($1, $2, $3)"

DUE_OF_TENANT = """
    SELECT w.webhook_id
      FROM app.webhook AS w
      JOIN app.tenant AS n ON n.tenant_id = w.tenant_id
     WHERE w.tenant_id = $1
       AND n.status = 'active'
       AND w.active
       AND EXISTS (
           SELECT
             FROM app.webhook_delivery AS d
            WHERE d.tenant_id = $1 AND d.webhook_id = w.webhook_id AND d.state = 'pending' AND d.next_at <= now())
     ORDER BY w.webhook_id
     LIMIT 1000
"""

TARGET = """
    SELECT w.url, w.active, w.ordered, t.failures_in_row, t.consecutive_failures, t.give_up, t.last_error,
           coalesce(t.paused_until > now(), FALSE) AS paused, n.settings, n.status
      FROM app.webhook_target AS t
      JOIN app.webhook AS w ON w.tenant_id = t.tenant_id AND w.webhook_id = t.webhook_id
      JOIN app.tenant AS n ON n.tenant_id = t.tenant_id
     WHERE t.tenant_id = $1 AND t.webhook_id = $2
       FOR UPDATE OF t
"""

UNHELD_TARGET = TARGET.rstrip() + " SKIP LOCKED\n"

# The oldest that is due first. Whatever is on its way holds up what happened to the same thing later.
TAKE = """
    UPDATE app.webhook_delivery AS d
       SET lease_token = $3, next_at = now() + $4, attempts = d.attempts + 1
     WHERE d.tenant_id = $1
       AND d.webhook_id = $2
       AND d.position IN (
           SELECT c.position
             FROM app.webhook_delivery AS c
            WHERE c.tenant_id = $1
              AND c.webhook_id = $2
              AND c.state = 'pending'
              AND c.next_at <= now()
              AND (c.test OR $5)
              AND (NOT $6 OR NOT EXISTS (
                  SELECT
                    FROM app.webhook_delivery AS e
                   WHERE e.tenant_id = $1
                     AND e.webhook_id = $2
                     AND e.subject_id = c.subject_id
                     AND e.state = 'pending'
                     AND e.position < c.position))
            ORDER BY c.next_at, c.position
            LIMIT greatest(0, least(
                  $7 - (SELECT count(*)
                          FROM app.webhook_delivery AS o
                         WHERE o.tenant_id = $1
                           AND o.webhook_id = $2
                           AND o.lease_token IS NOT NULL
                           AND o.next_at > now()),
                  $8 - (SELECT count(*)
                          FROM app.webhook_delivery AS o
                         WHERE o.tenant_id = $1 AND o.lease_token IS NOT NULL AND o.next_at > now())))
              FOR UPDATE SKIP LOCKED)
 RETURNING d.position, d.event_type, d.attempts, d.body
"""

STORE_BODIES = """
    UPDATE app.webhook_delivery AS d
       SET body = given.body
      FROM unnest($3::bigint[], $4::bytea[]) AS given (position, body)
     WHERE d.tenant_id = $1 AND d.webhook_id = $2 AND d.position = given.position
"""

SETTLE = """
    UPDATE app.webhook_delivery AS d
       SET state = given.state,
           next_at = now() + given.delay,
           lease_token = NULL,
           last_attempt_at = now(),
           delivered_at = CASE WHEN given.state = 'delivered' THEN now() END,
           error = given.error,
           history = (CASE WHEN jsonb_array_length(d.history) < 20 THEN d.history ELSE d.history - 0 END)
                     || jsonb_build_object(
                            'at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                            'outcome', given.words, 'seconds', round(given.seconds::numeric, 3))
      FROM unnest($3::bigint[], $4::uuid[], $5::text[], $6::interval[], $7::text[], $8::text[], $9::float8[])
           AS given (position, token, state, delay, error, words, seconds)
     WHERE d.tenant_id = $1 AND d.webhook_id = $2 AND d.position = given.position AND d.lease_token = given.token
 RETURNING d.position
"""

SETTLE_TARGET = """
    UPDATE app.webhook_target
       SET failures_in_row = $3,
           consecutive_failures = $4,
           give_up = $5,
           last_error = $6,
           paused_until = CASE
               WHEN $7::interval IS NULL THEN paused_until
               WHEN $7::interval = interval '0' THEN NULL
               ELSE greatest(paused_until, now() + $7::interval)
           END,
           last_delivery_at = CASE WHEN $8 THEN now() ELSE last_delivery_at END
     WHERE tenant_id = $1 AND webhook_id = $2
"""

BACKLOG = "SELECT waiting, oldest FROM app.webhook_backlog()"


class Endpoint(Struct, frozen=True, order=True):
    """A webhook of a tenant."""

    tenant_id: UUID
    webhook_id: UUID


class Held(Struct, frozen=True):
    """A receiver whose row is locked until the transaction ends."""

    url: str
    takes: bool
    """Whether anything but tests is sent there."""
    ordered: bool
    paused: bool
    target: Target
    most_failures: int
    suspended: bool
    """The tenant is, and nothing at all is sent, tests neither."""


class Taken(Struct, frozen=True):
    """A delivery that is ours to attempt until its lease ends."""

    position: int
    event_type: str
    attempt: int
    token: UUID
    body: bytes | None


class Ended(Struct, frozen=True):
    """An attempt that is over."""

    taken: Taken
    outcome: Outcome
    verdict: Verdict


async def due_endpoints(tx: SystemTx, after: Endpoint, most: int) -> list[Endpoint]:
    """Of all tenants, in order, behind ``after``."""
    return [Endpoint(*row) for row in await tx.fetch(DUE, after.tenant_id, after.webhook_id, most)]


async def due_of_tenant(tx: TenantTx) -> list[Endpoint]:
    return [Endpoint(tx.tenant_id, row["webhook_id"]) for row in await tx.fetch(DUE_OF_TENANT, tx.tenant_id)]


async def hold(tx: TenantTx, webhook_id: UUID, *, waits: bool) -> Held | None:
    """None when the webhook is gone, or held by somebody else and not to be waited for."""
    row = await tx.fetchrow(TARGET if waits else UNHELD_TARGET, tx.tenant_id, webhook_id)
    if row is None:
        return None
    target = Target(
        failures_in_row=row["failures_in_row"], consecutive_failures=row["consecutive_failures"],
        give_up=row["give_up"], last_error=row["last_error"],
    )  # fmt: skip
    takes, suspended = row["active"] and row["give_up"] is None, row["status"] != "active"
    most = read_settings(row["settings"]).webhook_max_consecutive_failures
    return Held(row["url"], takes, row["ordered"], row["paused"], target, most, suspended)


async def take(tx: TenantTx, webhook_id: UUID, held: Held, pace: Pace, token: UUID) -> list[Taken]:
    """As many as may be on their way at once, those of others counted."""
    rows = await tx.fetch(
        TAKE, tx.tenant_id, webhook_id, token, timedelta(seconds=pace.lease), held.takes, held.ordered,
        most_at_once(pace, held.target), pace.per_tenant,
    )  # fmt: skip
    return [Taken(row["position"], row["event_type"], row["attempts"], token, row["body"]) for row in rows]


async def store_bodies(tx: TenantTx, webhook_id: UUID, bodies: dict[int, bytes]) -> None:
    await tx.execute(STORE_BODIES, tx.tenant_id, webhook_id, list(bodies), list(bodies.values()))


async def settle(tx: TenantTx, webhook_id: UUID, ended: Sequence[Ended]) -> set[int]:
    """Positions of those that were still ours."""
    rows = await tx.fetch(
        SETTLE, tx.tenant_id, webhook_id, [each.taken.position for each in ended],
        [each.taken.token for each in ended], [each.verdict.state for each in ended],
        [timedelta(seconds=each.verdict.delay) for each in ended],
        [None if each.outcome.delivered else each.outcome.words for each in ended],
        [each.outcome.words for each in ended], [each.outcome.seconds for each in ended],
    )  # fmt: skip
    return {row["position"] for row in rows}


async def settle_target(tx: TenantTx, webhook_id: UUID, target: Target, *, delivered: bool) -> None:
    pause = None if target.pause is None else timedelta(seconds=target.pause)
    await tx.execute(
        SETTLE_TARGET, tx.tenant_id, webhook_id, target.failures_in_row, target.consecutive_failures, target.give_up,
        target.last_error, pause, delivered,
    )  # fmt: skip


async def backlog(tx: SystemTx) -> tuple[int, float]:
    """How many deliveries wait, and for how many seconds the oldest has."""
    row: Any = await tx.fetchrow(BACKLOG)
    return row["waiting"], float(row["oldest"])
