"""A slice of the campaign `make soak ARGS=custody_tools`: no row of tools confirms what its caller made."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from bench.custody_model import Bypass
from bench.custody_tools import ANSWERED, CONTROLS, campaign
from tests.support.database import TestDatabase

WANTED = frozenset((
    *((name, ANSWERED) for name in ("next_story", "request_review", "report_story", "complete_review", "verify_story")),
    ("report_story", "self_report_blocked"), ("complete_review", "self_review_blocked"),
    ("verify_story", "self_verify_blocked"),
))  # fmt: skip
"""Which a story comes to its end by, and what stops whoever would do it alone."""


@pytest.mark.slow
@pytest.mark.timeout(400)  # by chance it takes thousands of requests
async def test_nobody_confirms_their_own_work_through_tools(database: TestDatabase) -> None:
    machine = await campaign(database, 20_000, seed=4, wanted=WANTED)
    assert machine.used.keys() >= WANTED


@pytest.mark.slow
@pytest.mark.timeout(400)  # by chance some take thousands of requests
@pytest.mark.parametrize("control", CONTROLS.values(), ids=list(CONTROLS))
async def test_what_would_be_a_way_round_is_found(
    database: TestDatabase, control: Callable[[], AbstractContextManager[None]]
) -> None:
    """The controls."""
    with control(), pytest.raises(Bypass):
        await campaign(database, 20_000, seed=1)
