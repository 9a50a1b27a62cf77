"""A slice of the campaign `make soak ARGS=custody_tools`: no row of tools confirms what its caller made."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from bench.custody_model import Bypass
from bench.custody_tools import ANSWERED, CONTROLS, campaign
from tests.support.database import TestDatabase


@pytest.mark.slow
async def test_nobody_confirms_their_own_work_through_tools(database: TestDatabase) -> None:
    machine = await campaign(database, 600, seed=4)
    answered = {name for name, how in machine.used if how == ANSWERED}
    assert {"next_story", "request_review", "report_story", "complete_review", "verify_story"} <= answered
    blocked = {how for _, how in machine.used}
    assert {"self_report_blocked", "self_review_blocked"} <= blocked


@pytest.mark.slow
@pytest.mark.timeout(400)  # by chance some take thousands of requests
@pytest.mark.parametrize("control", CONTROLS.values(), ids=list(CONTROLS))
async def test_what_would_be_a_way_round_is_found(
    database: TestDatabase, control: Callable[[], AbstractContextManager[None]]
) -> None:
    """The controls."""
    with control(), pytest.raises(Bypass):
        await campaign(database, 20_000, seed=1)
