"""What an attempt means for its delivery and for the receiver: pure (spec 06, section 5.3)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from msgspec import Struct, structs

LONGEST_PAUSE = 86_400.0
"""Seconds that a receiver may ask for with Retry-After."""
LONGEST_ERROR = 300
SLOWED = (429, 502, 503, 504)
GONE = 410

State = Literal["pending", "delivered", "failed", "exhausted"]


class Pace(Struct, frozen=True, kw_only=True):
    """In seconds, unless it says otherwise."""

    delays: tuple[float, ...] = (5.0, 60.0, 300.0, 1500.0, 7200.0, 18_000.0, 36_000.0, 86_400.0)
    """Before the second attempt and each one after; the one after the last of them is the last."""
    jitter: float = 0.2
    """Of a delay, either way."""
    total: float = 15.0
    """Of an attempt, from the look-up to the last byte."""
    lease: float = 30.0
    """Longer than an attempt: after it, somebody else may try."""
    sweep: float = 1.0
    """Between two looks at everything that is due."""
    probe: float = 60.0
    """Between attempts at a receiver that fails again and again."""
    slowed: float = 5.0
    """Pause of a receiver that is too busy and does not say for how long."""
    failures_in_row: int = 5
    """Attempts, after which one at a time is made."""
    per_webhook: int = 4
    """Attempts at once."""
    per_tenant: int = 20
    drain: float = 5.0
    """For what is being sent at a stop."""


class Outcome(Struct, frozen=True, kw_only=True):
    """Of one attempt. ``status`` is None when no whole answer came; then ``error`` says of what kind."""

    status: int | None = None
    error: str | None = None
    retry_after: float | None = None
    seconds: float = 0.0

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def words(self) -> str:
        return (self.error or f"HTTP {self.status}")[:LONGEST_ERROR]


class Verdict(Struct, frozen=True):
    """On a delivery: what it is now, and for how long it rests when it is still ``pending``."""

    state: State
    delay: float = 0.0


class Target(Struct, frozen=True, kw_only=True):
    """What is known of a receiver. ``pause``: seconds for which nothing is sent, 0 to end one, None to leave it."""

    failures_in_row: int
    consecutive_failures: int
    give_up: Literal["failures", "gone"] | None = None
    last_error: str | None = None
    pause: float | None = None


def judge(pace: Pace, outcome: Outcome, attempt: int, chance: float) -> Verdict:
    """``attempt`` counts from 1; ``chance`` is between 0 and 1."""
    if outcome.delivered:
        return Verdict("delivered")
    if outcome.status == GONE:
        return Verdict("failed")
    if attempt > len(pace.delays):
        return Verdict("exhausted")
    delay = pace.delays[attempt - 1] * (1 + pace.jitter * (2 * chance - 1))
    return Verdict("pending", max(delay, outcome.retry_after or 0.0))


def after(pace: Pace, target: Target, outcomes: Sequence[tuple[Outcome, Verdict]], most_failures: int) -> Target:
    """The receiver after attempts, in the order in which they ended. ``most_failures``: deliveries given up one after
    the other, with which it is given up itself."""
    for outcome, verdict in outcomes:
        target = _after_one(pace, target, outcome, verdict)
        if target.give_up is None and target.consecutive_failures >= most_failures:
            target = structs.replace(target, give_up="failures")
    return target


def _after_one(pace: Pace, target: Target, outcome: Outcome, verdict: Verdict) -> Target:
    if outcome.delivered:
        return structs.replace(target, failures_in_row=0, consecutive_failures=0, pause=0.0)
    given_up = target.consecutive_failures + (verdict.state == "exhausted")
    in_row = target.failures_in_row + 1
    pauses = [target.pause or 0.0]
    if in_row >= pace.failures_in_row:
        pauses.append(pace.probe)
    if outcome.status in SLOWED:
        pauses.append(pace.slowed if outcome.retry_after is None else outcome.retry_after)
    return structs.replace(
        target,
        failures_in_row=in_row,
        consecutive_failures=given_up,
        last_error=outcome.words,
        pause=max(pauses) or target.pause,
        give_up="gone" if outcome.status == GONE else target.give_up,
    )


def most_at_once(pace: Pace, target: Target) -> int:
    """Attempts at one receiver."""
    return 1 if target.failures_in_row >= pace.failures_in_row else pace.per_webhook


def retry_after(said: str | None, now: datetime) -> float | None:
    """Seconds of a Retry-After, at most a day; None for one that says nothing."""
    if not said:
        return None
    if said.isascii() and said.isdigit():
        return min(float(said[:9]), LONGEST_PAUSE)
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, OverflowError):  # the second of an offset without end
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), LONGEST_PAUSE)
