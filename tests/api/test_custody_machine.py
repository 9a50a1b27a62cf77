"""A slice of the campaign `make soak ARGS=custody_http`: all mutating routes, and what they change (06, B2 and T2)."""

import pytest

from bench.custody import bulk_without_gate
from bench.custody_http import campaign
from bench.custody_model import Bypass
from bench.custody_requests import operations
from tests.api.asgi import ask, made
from tests.support.database import TestDatabase


@pytest.mark.slow
async def test_no_route_confirms_a_story_past_the_gate_or_in_another_tenant(database: TestDatabase) -> None:
    report = await campaign(database, 700, seed=2)
    assert len(report.changed_by) > 2
    asked = {name for name, _ in report.statuses}
    assert asked == {each.name for each in operations((await ask(made(), "/api/v1/openapi")).json())}


@pytest.mark.slow
async def test_without_the_gate_in_the_bulk_path_the_machine_finds_a_bypass(database: TestDatabase) -> None:
    """The control."""
    with bulk_without_gate(), pytest.raises(Bypass, match="whoever did the work"):
        await campaign(database, 10_000, seed=3)
