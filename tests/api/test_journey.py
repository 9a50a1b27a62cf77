"""A verification and the ready queue enter no more of our files than they did: `python -m bench.journey` names them."""

from bench.journey import journeys
from tests.support.database import TestDatabase

MOST = {"verify": (64, 265), "ready queue": (23, 85)}
"""Files and moves. More for a guard that was missing, not for one more layer; what is due meanwhile moves a few."""


async def test_a_request_travels_no_further_than_it_did(database: TestDatabase, redis_url: str) -> None:
    """Before doors were closed that were entered for one line, it was 80 and 345, and 33 and 115."""
    found = await journeys(database.app_url, redis_url)
    assert "domain/lifecycle/judges.py" in found["verify"].files
    further = {
        name: (len(journey.files), journey.moves)
        for name, journey in found.items()
        if len(journey.files) > MOST[name][0] or journey.moves > MOST[name][1]
    }
    assert further == {}
