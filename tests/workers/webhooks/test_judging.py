"""What an attempt means: when the next one is, when a delivery is given up, and when its receiver (spec 06, 5.3)."""

from datetime import UTC, datetime

import pytest

from workers.webhooks.judging import Outcome, Pace, Target, after, judge, most_at_once, retry_after

PACE = Pace()
OK, FAILED = Outcome(status=200), Outcome(status=500)
FRESH = Target(failures_in_row=0, consecutive_failures=0)
NOW = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)


def test_the_schedule_is_that_of_the_contract_and_the_ninth_failure_is_the_last() -> None:
    delays = [judge(PACE, FAILED, attempt, 0.5).delay for attempt in range(1, 9)]
    assert delays == [5, 60, 300, 1500, 7200, 18_000, 36_000, 86_400]
    assert 41 < sum(delays) / 3600 < 42
    assert judge(PACE, FAILED, 9, 0.5).state == "exhausted"


@pytest.mark.parametrize(("chance", "delay"), [(0.0, 48.0), (1.0, 72.0)])
def test_a_delay_differs_by_a_fifth(chance: float, delay: float) -> None:
    assert judge(PACE, FAILED, 2, chance).delay == pytest.approx(delay)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_two_hundred_and_something_is_delivered(status: int) -> None:
    assert judge(PACE, Outcome(status=status), 1, 0.5).state == "delivered"


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(status=301),
        Outcome(status=404),
        Outcome(status=503),
        Outcome(error="timeout"),
        Outcome(error="refused: x"),
    ],
    ids=lambda outcome: outcome.words,
)
def test_everything_else_is_tried_again(outcome: Outcome) -> None:
    assert judge(PACE, outcome, 1, 0.5).state == "pending"


def test_gone_is_not_tried_again_and_gives_the_receiver_up() -> None:
    verdict = judge(PACE, Outcome(status=410), 1, 0.5)
    assert verdict.state == "failed"
    assert after(PACE, FRESH, [(Outcome(status=410), verdict)], 10).give_up == "gone"


def test_a_receiver_that_asks_for_time_gets_it() -> None:
    busy = Outcome(status=429, retry_after=120.0)
    assert judge(PACE, busy, 1, 0.5).delay == 120
    assert after(PACE, FRESH, [(busy, judge(PACE, busy, 1, 0.5))], 10).pause == 120
    assert after(PACE, FRESH, [(Outcome(status=503), judge(PACE, FAILED, 1, 0.5))], 10).pause == PACE.slowed


def test_after_five_failures_one_attempt_a_minute_is_made_until_one_succeeds() -> None:
    failed = (FAILED, judge(PACE, FAILED, 1, 0.5))
    four = after(PACE, FRESH, [failed] * 4, 10)
    assert (most_at_once(PACE, four), four.pause) == (4, None)
    five = after(PACE, four, [failed], 10)
    assert (most_at_once(PACE, five), five.pause, five.give_up) == (1, 60, None)
    good = after(PACE, five, [(OK, judge(PACE, OK, 1, 0.5))], 10)
    assert (good.failures_in_row, good.pause, most_at_once(PACE, good)) == (0, 0, 4)


def test_exhausted_deliveries_in_a_row_give_it_up_and_a_good_one_begins_the_count_anew() -> None:
    exhausted, good = (FAILED, judge(PACE, FAILED, 9, 0.5)), (OK, judge(PACE, OK, 1, 0.5))
    assert after(PACE, FRESH, [exhausted] * 2, 3).give_up is None
    assert after(PACE, FRESH, [exhausted] * 3, 3).give_up == "failures"
    assert after(PACE, FRESH, [exhausted, exhausted, good, exhausted], 3).consecutive_failures == 1


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7), ("0", 0), ("999999999999", 86_400), ("Fri, 27 Mar 2026 12:01:00 GMT", 60),
        ("Fri, 27 Mar 2026 11:00:00 GMT", 0), ("Fri, 27 Mar 2037 12:01:00 GMT", 86_400), (None, None), ("", None),
        ("soon", None), ("-1", None), ("1.5", None), ("\xb2", None),
        ("Fri, 27 Mar 2026 12:01:00 99999999999999999999", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date_and_a_day_at_most(said: str | None, seconds: float | None) -> None:
    assert retry_after(said, NOW) == seconds
