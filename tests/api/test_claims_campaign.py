"""Slices of `make soak ARGS=claims`: claims that prove nothing halt nothing, and honest ones are never doubted."""

import pytest

from bench.claims import Halted, honest_claims, hostile_claims
from tests.support.database import TestDatabase


async def test_hostile_claims_halt_nothing(database: TestDatabase) -> None:
    statuses = await hostile_claims(database, 300, seed=12)
    assert min(statuses.values()) > 0
    assert statuses.keys() == {200, 400, 409, 412}


async def test_a_server_that_believes_what_nobody_has_signed_halts(database: TestDatabase) -> None:
    """The control."""
    with pytest.raises(Halted):
        await hostile_claims(database, 50, seed=12, credulous=True)


async def test_honest_claims_are_never_doubted_while_the_log_grows(database: TestDatabase) -> None:
    assert await honest_claims(database, 300, heads=4) >= 4
