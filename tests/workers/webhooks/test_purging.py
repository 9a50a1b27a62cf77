"""Deliveries that are over go after as many days as the tenant says; what waits stays (spec 02, section 8.9)."""

from tests.support.database import TestDatabase, session
from tests.workers.webhooks.receiving import hooks
from workers.actors import Timing, Tools
from workers.jobs.purge_webhook_deliveries import purge_each

OLD = "UPDATE app.webhook_delivery SET created_at = now() - interval '10 days', state = $2 WHERE webhook_id = $1"


async def test_what_is_over_is_forgotten_after_the_days_that_the_tenant_says(database: TestDatabase) -> None:
    async with hooks(database, running=False) as here:
        user = here.people.user
        webhooks = [await here.subscribe("http://127.0.0.1:9/", "story.verified") for _ in range(4)]
        for webhook, state in zip(webhooks, ("delivered", "exhausted", "failed", "pending"), strict=True):
            await user.post(f"/webhooks/{webhook['id']}/test")
            async with session(database.admin_url) as connection:
                await connection.execute(OLD, webhook["id"], state)
        tools = Tools(here.worker, Timing())
        assert await purge_each(tools) == 0
        await user.patch("/tenants/me", {"settings": {"webhook_event_retention_days": 9}})
        assert await purge_each(tools) == 3
        assert [len(await here.deliveries(webhook)) for webhook in webhooks] == [0, 0, 0, 1]
