"""What a message can start."""

from collections.abc import Awaitable, Callable
from typing import Literal
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import Database

Outcome = Literal["done", "skipped"]
"""``skipped``: somebody else has done it or is at it. Everything else is an exception."""


class Timing(Struct, frozen=True, kw_only=True):
    """Of the scheduled runs. Leases are counted by PostgreSQL's clock."""

    poll_seconds: float = 1.0
    """Between two rounds of the schedule."""
    resend_seconds: float = 5.0
    """After a wake-up, before the next one for a run that nobody has started."""
    lease_seconds: float = 9.0
    """Shorter than the silence after which a worker's messages go back (broker.py): they find the lease over."""
    retry_seconds: float = 5.0
    """Pause after the first failure; doubles with each."""
    attempt_limit: int = 5


async def nothing_due(_: UUID) -> bool:
    """Where nothing can be sent."""
    return False


class Tools(Struct, frozen=True):
    """What every actor gets beside its id, made once by main.py."""

    database: Database
    timing: Timing
    log_checked: Callable[[str, str], None] = lambda _, __: None
    """Counts a look at a tenant's log: ``good`` or ``bad``, and which question was answered with no, if one was."""
    hurry_webhooks: Callable[[UUID], Awaitable[bool]] = nothing_due
    """Sends what is due of a tenant; whether anything was."""


class Actor(Struct, frozen=True):
    """Takes one id, of the row that is the truth: a message may be lost, doubled or late."""

    name: str
    run: Callable[[Tools, UUID], Awaitable[Outcome]]
    time_limit_seconds: float = 60.0
    queue: str = "default"


class Job(Struct, frozen=True):
    """Ticks every ``every_seconds`` since 1970-01-01T00:00Z plus ``offset_seconds``: 86400 and 7200 is daily at 02:00.

    Ticks missed while everything was down are one run at the catch-up, for the newest of them, not one each.
    """

    name: str
    every_seconds: int
    actor: Actor
    offset_seconds: int = 0
