"""What an operator sees of deliveries, and what becomes of them where no secret opens, or nobody has foreseen it."""

from typing import Any

from msgspec import structs
from prometheus_client import CollectorRegistry

from tests.support.database import TestDatabase, session
from tests.workers.webhooks.receiving import QUICK, Hooks, courier_of, hooks
from tests.workers.webhooks.test_delivering import FAILS, contracted
from workers.webhooks.courier import Courier


async def test_attempts_are_counted_and_what_waits_is_measured(database: TestDatabase) -> None:
    registry = CollectorRegistry()
    async with hooks(database, running=False) as here:
        receiver = await here.receiver(lambda _: FAILS)
        webhook = await here.subscribe(receiver.url, "story.status_changed")
        await contracted(here)
        courier = courier_of(here.worker, QUICK, registry)
        await courier.sweep()
        await here.until(lambda: _attempted(here, webhook))
        await courier.drain()
        labels = {"outcome": "retry", "event_type": "story.status_changed"}
        assert registry.get_sample_value("loopctl_webhook_deliveries_total", labels) == 1
        assert registry.get_sample_value("loopctl_webhook_delivery_duration_seconds_count") == 1
        assert registry.get_sample_value("loopctl_webhook_queue") == 1
        assert (registry.get_sample_value("loopctl_webhook_oldest_undelivered_seconds") or 0) > 0


async def _attempted(here: Hooks, webhook: Any) -> bool:
    return bool((await here.deliveries(webhook))[0]["last_attempt_at"])


async def test_without_the_keys_at_rest_nothing_is_sent_and_nothing_is_lost(database: TestDatabase) -> None:
    async with hooks(database, running=False) as here:
        receiver = await here.receiver()
        webhook = await here.subscribe(receiver.url, "story.status_changed")
        await contracted(here)
        sealed = Courier(here.courier._outside, QUICK, sealed=True)
        await sealed.sweep()
        await sealed.drain()
        assert [(each["status"], each["attempts"]) for each in await here.deliveries(webhook)] == [("pending", 0)]
        await here.courier.sweep()
        await here.ended(webhook)
        assert len(receiver.seen) == 1


async def test_what_nobody_has_foreseen_is_a_failure_and_not_sent_for_ever(database: TestDatabase) -> None:
    async def breaks(*_: Any, **__: Any) -> Any:
        raise RuntimeError

    async with hooks(database, running=False) as here:
        webhook = await here.subscribe("http://127.0.0.1:9/hook", "story.status_changed")
        await contracted(here)
        courier = Courier(structs.replace(here.courier._outside, post=breaks), QUICK)
        await courier.sweep()
        (delivery,) = await here.until(lambda: told(here, webhook))
        assert (delivery["attempts"], delivery["error"]) == (1, "internal_error")
        await courier.drain()


async def told(here: Hooks, webhook: Any) -> list[Any]:
    """Its deliveries that have an error."""
    return [each for each in await here.deliveries(webhook) if each["error"]]


async def test_nothing_is_sent_of_a_suspended_tenant_not_even_a_test_event(database: TestDatabase) -> None:
    async with hooks(database, running=False) as here:
        receiver = await here.receiver()
        webhook = await here.subscribe(receiver.url, "story.verified")
        tenant = here.people.user.tenant
        async with session(database.admin_url) as connection:
            for status, seen in (("suspended", 0), ("active", 1)):
                if status == "suspended":
                    await here.people.user.post(f"/webhooks/{webhook['id']}/test")
                await connection.execute("UPDATE app.tenant SET status = $2 WHERE tenant_id = $1", tenant, status)
                assert await here.courier.is_due(tenant) == await here.courier.hurry(tenant) == bool(seen)
                await here.courier.sweep()
                await here.until(lambda: not here.courier._served)
                assert len(receiver.seen) == seen
