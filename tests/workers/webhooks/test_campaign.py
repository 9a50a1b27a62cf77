"""A slice of `make soak ARGS=webhook_campaign`: nothing is lost, doubled without end or disordered (spec 06, B9)."""

import pytest

from bench.webhook_campaign import WEBHOOKS, storm
from workers.webhooks.judging import Pace


@pytest.mark.slow
async def test_every_delivery_ends_whatever_receivers_workers_and_redis_do() -> None:
    report = await storm(150, seed=4, kill_seconds=2.5)
    assert report.complete, report
    assert (report.emitted, report.unsigned, report.disordered) == (150, 0, 0)
    assert report.duplicates <= report.kills * WEBHOOKS * Pace().per_webhook, report  # what was under way at each kill
    assert report.kills >= 1


@pytest.mark.slow
async def test_a_queue_in_redis_alone_loses_some() -> None:
    """The control: nobody looks at the rows."""
    report = await storm(150, seed=4, redis_only=True)
    assert not report.good
    assert report.states["pending"] > 0
