"""A slice of the campaign `make soak ARGS=custody_http`: all mutating routes, and what they change (06, B2 and T2)."""

import os

import pytest

from bench.custody_http import CONTROLS, campaign
from bench.custody_model import Bypass
from bench.custody_requests import SETTINGS, operations
from domain.tenant_settings import CHOICES, FLAGS
from tests.api.asgi import ask, made
from tests.support.database import TestDatabase

DEAR = {
    "no gate in the bulk path",
    "revocations that leave the keys below",
    "halts that nothing heeds",
    "a halt that answers for what was done before it",
}
"""Found after thousands of requests: here with LOOPCTL_TEST_ALL, and by each `make soak ARGS=custody_http`."""

HERE = [name for name in CONTROLS if name not in DEAR or "LOOPCTL_TEST_ALL" in os.environ]


@pytest.mark.slow
async def test_no_route_confirms_a_story_past_the_gate_or_in_another_tenant(database: TestDatabase) -> None:
    report = await campaign(database, 700, seed=2)
    assert len(report.changed_by) > 2
    asked = {name for name, _ in report.statuses}
    assert asked == {each.name for each in operations((await ask(made(), "/api/v1/openapi")).json())}


def test_every_setting_of_custody_is_among_those_that_tenants_of_the_machine_choose() -> None:
    assert {*SETTINGS} == {*FLAGS, *CHOICES}


@pytest.mark.slow
@pytest.mark.timeout(400)  # by chance some take thousands of requests
@pytest.mark.parametrize("name", HERE)
async def test_what_once_was_a_way_round_is_found(database: TestDatabase, name: str) -> None:
    """The controls."""
    with CONTROLS[name](), pytest.raises(Bypass):
        await campaign(database, 20_000, seed=3)
