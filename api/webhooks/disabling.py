"""Disables webhooks that nobody answers for any more: the worker gives them up, and here it becomes an event."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import structlog
from msgspec import Struct

from api.commands import refused
from api.rounds import in_rounds
from api.services import Submit
from domain.event import Stream
from domain.tenant_settings import read_settings
from domain.webhook import WebhookDisabled, disable_webhook
from eventstore.database.transaction import Database
from eventstore.log.command import Change, Command, Known, Origin, existing
from projections.rows.tenants import TENANTS
from projections.rows.webhooks import GIVEN_UP, WEBHOOKS

FOUND = "SELECT tenant_id, webhook_id FROM app.given_up_webhooks($1)"
MOST_AT_ONCE = 200
ACTOR = ("system", "system:auto_disable")

log = structlog.get_logger("api")


class WebhookDisabler(Struct, frozen=True):
    """Every process does this; the log orders them, and whoever comes second finds nothing to do."""

    database: Database
    submit: Submit

    async def run(self, now: Callable[[], datetime]) -> None:
        """Until it is cancelled. ``now`` gives the time in UTC."""
        await in_rounds(self.sweep, now, "webhooks_not_disabled")

    async def sweep(self, now: datetime) -> int:
        """How many were given up."""
        async with self.database.system_transaction() as tx:
            rows = await tx.fetch(FOUND, MOST_AT_ONCE)
        for row in rows:
            await self._disable(row["tenant_id"], row["webhook_id"], now)
        return len(rows)

    async def _disable(self, tenant_id: UUID, webhook_id: UUID, now: datetime) -> None:
        async with self.database.tenant_transaction(tenant_id) as tx:
            row = await tx.fetchrow(GIVEN_UP, tx.tenant_id, webhook_id)
        if row is None:
            return
        stream, need, tenant = Stream("webhook", webhook_id), WEBHOOKS.need(webhook_id), TENANTS.need(tenant_id)

        def decide(known: Known) -> Sequence[Change]:
            webhook = known[need]
            if webhook is None:
                return []
            most = read_settings(existing(known, tenant).settings).webhook_max_consecutive_failures
            disabled = WebhookDisabled(
                reason=row["give_up"], consecutive_failures=row["consecutive_failures"], threshold=most,
                last_error=row["last_error"],
            )  # fmt: skip
            return [Change(stream, event) for event in disable_webhook(webhook, disabled)]

        await self.submit(
            tenant_id,
            Command(
                origin=Origin(actor=ACTOR, at=now, refuse=refused), needs=(need, tenant), streams=(stream,),
                decide=decide, answer=lambda *_: None, alone=True,
            ),
        )  # fmt: skip
        log.warning("webhook_disabled", tenant=str(tenant_id), name=str(webhook_id), reason=row["give_up"])


@asynccontextmanager
async def disabling(disabler: WebhookDisabler, now: Callable[[], datetime]) -> AsyncIterator[None]:
    """As long as the block runs."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(disabler.run(now), name="webhook disabler")
        try:
            yield
        finally:
            task.cancel()
