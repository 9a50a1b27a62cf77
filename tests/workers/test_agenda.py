"""What is looked at next: nothing twice at once, nothing lost, nothing before its time. And how lag is counted."""

import asyncio
from uuid import UUID

from eventstore.following.news import LogNews
from workers.agenda import Agenda, Look
from workers.lag import Lag, Lags

ANN, BOB = Look(UUID(int=1), "f"), Look(UUID(int=2), "f")
GOING = asyncio.Event()


class Clock:
    """Stands still."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def nothing_due(agenda: Agenda) -> bool:
    try:
        async with asyncio.timeout(0.05):
            await agenda.take(GOING)
    except TimeoutError:
        return True
    return False


async def test_what_is_asked_for_twice_is_looked_at_once() -> None:
    agenda = Agenda()
    for key in (ANN, BOB, ANN):
        agenda.add(key)
    assert [await agenda.take(GOING), await agenda.take(GOING)] == [ANN, BOB]
    assert await nothing_due(agenda)


async def test_what_is_asked_for_during_its_look_is_looked_at_again_afterwards() -> None:
    agenda = Agenda()
    agenda.add(ANN)
    assert await agenda.take(GOING) == ANN
    agenda.add(ANN)
    assert await nothing_due(agenda)
    agenda.done(ANN, None)
    assert await agenda.take(GOING) == ANN
    agenda.done(ANN, None)
    assert await nothing_due(agenda)


async def test_what_was_put_off_is_not_hurried_by_being_asked_for() -> None:
    clock = Clock()
    agenda = Agenda(clock)
    agenda.add(ANN)
    await agenda.take(GOING)
    agenda.add(ANN)
    agenda.done(ANN, 30.0)
    agenda.add(ANN)
    clock.now += 29
    assert await nothing_due(agenda)
    clock.now += 2
    assert await agenda.take(GOING) == ANN


async def test_what_does_not_fit_is_left_to_polling() -> None:
    agenda = Agenda(longest=1)
    agenda.add(ANN)
    agenda.add(BOB)
    assert agenda.is_full
    assert await agenda.take(GOING) == ANN
    assert await nothing_due(agenda)


def test_a_busy_log_lags_no_longer_than_its_follower_takes_to_an_end_that_was_seen() -> None:
    clock = Clock()
    lags = Lags(["f"], clock)
    for position, seconds in ((0, 0.0), (5, 1.0), (10, 0.0), (15, 1.0)):  # always ten behind; reaches each end in two
        lags.found(LogNews(UUID(int=1), "f", position, position + 10))
        assert lags.round_over() == {"f": Lag(1, 10, seconds)}
        clock.now += 1


def test_a_log_that_nobody_reads_lags_longer_and_longer_and_not_at_all_once_it_is_read() -> None:
    clock = Clock()
    lags = Lags(["f"], clock)
    for seconds in (0.0, 60.0, 120.0):
        lags.found(LogNews(UUID(int=1), "f", 3, 7))
        assert lags.round_over()["f"] == Lag(1, 4, seconds)
        clock.now += 60
    assert lags.round_over()["f"] == Lag()
