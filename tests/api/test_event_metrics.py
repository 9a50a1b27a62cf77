"""What the events of the log come to at /metrics (docs/setup.md)."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from api.costs.found import anomaly_found
from api.event_metrics import EventMetrics
from api.http.recording import Metrics
from domain.usage.anomaly import Measured
from eventstore.log.lane import Writer
from projections.rows.job_findings import Finding
from tests.api.asgi import ask
from tests.api.logs import NOON, service
from tests.api.team import Work, work
from tests.support.database import TestDatabase


@pytest.fixture
async def loop(log_of_module: TestDatabase) -> AsyncIterator[Work]:
    metrics = Metrics()
    parts: dict[str, Any] = {"counted": EventMetrics(metrics.registry).committed}
    async with service(log_of_module, parts=parts, metrics=metrics) as served:
        yield await work(served, "1.1", "1.2")


async def figures(loop: Work) -> str:
    return (await ask(loop.team.user.service.app, "/metrics")).body.decode()


async def spend(loop: Work, cost: int | None, tokens: int = 10, model: str = "m") -> None:
    said = {"model_name": model, "input_tokens": tokens, "output_tokens": 0, "cost_millicents": cost}
    body = {**said, "story_id": loop.stories["1.1"]}
    assert (await loop.team.implementer.post("/token-usage", body)).status == 201


async def test_changes_of_statuses_are_counted_by_what_they_were_and_are(loop: Work) -> None:
    await loop.works(loop.team.implementer, "1.1")
    await loop.reviews(loop.team.reviewer, "1.1")
    await loop.verifies("1.1")
    shown = await figures(loop)
    for field, was, now in (
        ("agent_status", "pending", "contracted"), ("agent_status", "implementing", "reported_done"),
        ("verified_status", "unverified", "verified"),
    ):  # fmt: skip
        assert f'loopctl_story_transitions_total{{field="{field}",from="{was}",to="{now}"}} 1.0' in shown


async def test_entries_of_the_audit_trail_are_counted_and_refusals_are_none(loop: Work) -> None:
    await spend(loop, 7)
    assert (await loop.do(loop.team.implementer, "1.1", "verify", {})).status >= 400
    shown = await figures(loop)
    assert 'loopctl_audit_entries_total{action="created",entity_type="token_usage_report"} 1.0' in shown
    assert 'action="verified"' not in shown


async def test_spend_is_counted_by_where_its_cost_is_from_and_of_nobody(loop: Work) -> None:
    await spend(loop, 7)
    await spend(loop, 5)
    await spend(loop, None, 1_000_000, "claude-sonnet-4-5")
    shown = await figures(loop)
    assert 'loopctl_token_spend_millicents_total{cost_source="reported"} 12.0' in shown
    assert 'loopctl_token_spend_millicents_total{cost_source="computed"} 300000.0' in shown
    assert loop.project not in shown


async def test_budgets_that_reach_a_threshold_are_counted(loop: Work) -> None:
    limit = {"scope_type": "project", "scope_id": loop.project, "budget_tokens": 100, "enforcement": "block"}
    assert (await loop.team.user.post("/token-budgets", limit)).status == 201
    await spend(loop, 1, 85)
    assert 'threshold_type="exceeded"' not in await figures(loop)
    await spend(loop, 1, 15)
    shown = await figures(loop)
    for threshold in ("warning", "exceeded"):
        crossed = f'loopctl_budget_crossings_total{{enforcement="block",threshold_type="{threshold}"}} 1.0'
        assert crossed in shown


async def test_anomalies_that_were_found_are_counted(loop: Work) -> None:
    user, id_ = loop.team.user, uuid4()
    measured = Measured(
        story_id=UUID(loop.stories["1.1"]), anomaly_type="high_cost", story_cost_millicents=9,
        reference_avg_millicents=1, deviation_factor="9.00", baseline="epic_mean",
    )  # fmt: skip
    finding = Finding(
        finding_id=id_, kind="cost_anomaly", subject_id=measured.story_id, found_at=NOON,
        details=msgspec.json.encode(measured).decode(),
    )  # fmt: skip
    await Writer(user.service.store).submit(user.tenant, anomaly_found(finding, NOON))
    assert 'loopctl_cost_anomalies_total{anomaly_type="high_cost"} 1.0' in await figures(loop)
