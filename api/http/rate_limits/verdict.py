"""What a limiter says of one request, and how the client hears it (spec 01, section 1.10)."""

from collections.abc import Sequence
from math import ceil
from uuid import UUID

from msgspec import Struct

from api.http.refusal import Header, Refused
from domain.caller import Caller

PERIOD_SECONDS = 60
"""In any span of so many seconds no more requests pass than the limit says."""
LONGEST_WAIT_SECONDS = 61
"""A request counts for a little longer than it must, so that clocks need not agree to the millisecond."""
TENANT_FACTOR = 3
"""A tenant's keys together may ask as often as this many of them alone."""


class RateCheck(Struct, frozen=True):
    """Who is counted, and up to how many requests a minute."""

    key: UUID
    tenant: UUID
    limit: int

    @property
    def tenant_limit(self) -> int:
        return self.limit * TENANT_FACTOR


class Verdict(Struct, frozen=True):
    """``wait`` is 0 for a request that may go on, else seconds until one would. ``remaining`` is never more than the
    key could still ask now, and ``reset`` is the moment, in Unix seconds, at which it may ask one more than that."""

    limit: int
    wait: float
    remaining: int
    reset: float
    local: bool = False
    """Judged in this process alone, because the shared limiter is out of reach."""
    mark: int | None = None
    """Another one after each change of the tenant's keys or status; None when nobody can tell."""

    def headers(self) -> Sequence[Header]:
        named: list[Header] = [
            (b"x-ratelimit-limit", b"%d" % self.limit),
            (b"x-ratelimit-remaining", b"%d" % self.remaining),
            (b"x-ratelimit-reset", b"%d" % ceil(self.reset)),
        ]
        return [*named, (b"x-ratelimit-policy", b"local")] if self.local else named

    def refusal(self) -> Refused:
        seconds = min(max(ceil(self.wait), 1), LONGEST_WAIT_SECONDS)
        return Refused(
            "rate_limited", f"Too many requests. Retry after {seconds} seconds.",
            headers={"Retry-After": str(seconds)}, retry_after_seconds=seconds,
        )  # fmt: skip


def asked_by(caller: Caller) -> RateCheck:
    return RateCheck(caller.key_id, caller.tenant_id, caller.requests_per_minute)
