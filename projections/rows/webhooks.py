"""Webhooks, as their events leave them, and what delivery knows of each receiver, which no event says."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.event import Recorded
from domain.webhook import Webhook, WebhookCreated, WebhookDeleted, evolve_webhook
from eventstore.database.transaction import TenantTx
from eventstore.log.command import EVERY, Model
from projections.rows.entity import Entity

WEBHOOKS = Entity(name="webhook", state=Webhook, identity="webhook_id", evolve=evolve_webhook, replaces=True)

COUNT = "SELECT count(*) FROM app.webhook WHERE tenant_id = $1"

ONE = """
    SELECT w.*, t.consecutive_failures, t.failures_in_row, t.paused_until, t.last_delivery_at, t.last_error
      FROM app.webhook AS w
      LEFT JOIN app.webhook_target AS t ON t.tenant_id = w.tenant_id AND t.webhook_id = w.webhook_id
     WHERE w.tenant_id = $1 AND w.webhook_id = $2
"""

LIST = """
    SELECT w.*, t.consecutive_failures, t.failures_in_row, t.paused_until, t.last_delivery_at, t.last_error,
           count(*) OVER () AS total
      FROM app.webhook AS w
      LEFT JOIN app.webhook_target AS t ON t.tenant_id = w.tenant_id AND t.webhook_id = w.webhook_id
     WHERE w.tenant_id = $1
     ORDER BY w.created_at DESC, w.webhook_id DESC
     LIMIT $2 OFFSET $3
"""

BEGIN_ANEW = """
    UPDATE app.webhook_target
       SET consecutive_failures = 0, failures_in_row = 0, paused_until = NULL, give_up = NULL
     WHERE tenant_id = $1 AND webhook_id = $2
"""

GIVEN_UP = """
    SELECT give_up, consecutive_failures, last_error
      FROM app.webhook_target
     WHERE tenant_id = $1 AND webhook_id = $2 AND give_up IS NOT NULL
"""

FORGET = "DELETE FROM app.webhook_target WHERE tenant_id = $1 AND webhook_id = $2"


class Standing(Struct, frozen=True):
    """How a receiver has done lately. ``failures_in_row`` are attempts, ``consecutive_failures`` deliveries."""

    consecutive_failures: int = 0
    failures_in_row: int = 0
    paused_until: datetime | None = None
    last_delivery_at: datetime | None = None
    last_error: str | None = None


class WebhookCount(Model[UUID, int]):
    """How many webhooks the tenant has, by the tenant's id."""

    name = "webhook_count"
    events = (WebhookCreated, WebhookDeleted)

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, int]:
        count: int = await tx.fetchval(COUNT, tx.tenant_id)
        return dict.fromkeys(keys, count)

    def initial(self, _: UUID) -> int:
        return 0

    def touched(self, _: Recorded) -> Sequence[UUID]:
        return EVERY

    def evolve(self, state: int, recorded: Recorded) -> int:
        return state + (1 if isinstance(recorded.event, WebhookCreated) else -1)


WEBHOOK_COUNT = WebhookCount()


async def find_webhook(tx: TenantTx, webhook_id: UUID) -> tuple[Webhook, Standing] | None:
    row = await tx.fetchrow(ONE, tx.tenant_id, webhook_id)
    return _both(row) if row else None


async def list_webhooks(tx: TenantTx, limit: int, offset: int) -> tuple[Sequence[tuple[Webhook, Standing]], int]:
    """Newest first; and how many there are on all pages."""
    rows = await tx.fetch(LIST, tx.tenant_id, limit, offset)
    total = rows[0]["total"] if rows else await tx.fetchval(COUNT, tx.tenant_id) if offset else 0
    return [_both(row) for row in rows], total


def _both(row: Any) -> tuple[Webhook, Standing]:
    standing = Standing(
        row["consecutive_failures"] or 0, row["failures_in_row"] or 0, row["paused_until"], row["last_delivery_at"],
        row["last_error"],
    )  # fmt: skip
    return WEBHOOKS.from_row(row), standing
