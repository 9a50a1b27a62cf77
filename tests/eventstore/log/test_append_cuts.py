"""A slice of the campaign `make soak ARGS=append_cuts`: whoever dies in an append leaves all of it or nothing (R3)."""

from uuid import UUID

import pytest

from bench.append_cuts import Broken, Signed, Situation, Sweep, run
from loopctl.tlog.checkpoint import make_checkpoint
from loopctl.tlog.signer import sign_checkpoint
from tests.support.database import TestDatabase
from tests.support.sample_log import LOG_SIGNERS, ORIGIN

KILLS = Situation("kill", warm=False, sign=True, commands=2)
CUTS = Situation("cut", warm=True, sign=False, commands=2)


@pytest.mark.slow
async def test_a_writer_killed_at_any_message_of_an_append_and_a_signature_leaves_a_whole_log(
    log_database: TestDatabase,
) -> None:
    report = await run(log_database, 60, 1, only=Sweep(KILLS, stride=4))
    assert report.kills > 20


@pytest.mark.slow
async def test_a_connection_cut_at_any_message_leaves_all_of_the_append_or_nothing(
    log_database: TestDatabase,
) -> None:
    report = await run(log_database, 60, 1, only=Sweep(CUTS))
    assert report.kept
    assert report.lost


async def test_without_a_transaction_the_same_cuts_leave_half_an_append(log_database: TestDatabase) -> None:
    """The control."""
    with pytest.raises(Broken):
        await run(log_database, 60, 1, only=Sweep(CUTS), control="torn")


async def test_without_idempotency_keys_a_retry_after_a_cut_does_it_twice(log_database: TestDatabase) -> None:
    """The control."""
    with pytest.raises(Broken):
        await run(log_database, 60, 1, only=Sweep(CUTS), control="forgetful")


def test_two_roots_for_one_size_are_seen() -> None:
    """The control."""
    signed = Signed()
    one, other = (
        sign_checkpoint(make_checkpoint(ORIGIN, 5, bytes([number]) * 32), LOG_SIGNERS[:1]).encode()
        for number in range(2)
    )
    signed.saw(UUID(int=1), one)
    with pytest.raises(Broken):
        signed.saw(UUID(int=1), other)
