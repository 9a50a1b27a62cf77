"""What a limiter says of one request, and how the client hears it (spec 01, section 1.10)."""

from math import ceil
from uuid import UUID

from msgspec import Struct

from api.http.refusal import Refused

PERIOD_SECONDS = 60
"""In any span of so many seconds no more requests pass than the limit says."""
LONGEST_WAIT_SECONDS = 61
"""Where a clock has been set back, or a block is counted from its end on; else it is a minute."""
TENANT_FACTOR = 3
"""A tenant's keys together may ask as often as this many of them alone."""


class RateCheck(Struct, frozen=True):
    """Who is counted, and up to how many requests a minute."""

    key: UUID
    tenant: UUID
    limit: int
    mark: int | None = None
    """Of the tenant, when its keys were last looked up; None: whatever it is."""

    @property
    def tenant_limit(self) -> int:
        return self.limit * TENANT_FACTOR


class Verdict(Struct, frozen=True):
    """``wait`` is 0 for a request that may go on, else seconds until one would. ``remaining`` is what the key could
    still ask now, and ``reset`` the moment, in Unix seconds, at which it may ask one more than that."""

    limit: int
    wait: float
    remaining: int
    reset: float
    local: bool = False
    """Judged in this process alone, because the shared limiter is out of reach."""
    newer: int | None = None
    """The tenant's mark, when it is another than was asked with: nothing was counted, and the key is to be looked up
    again, because its limit or its rights may be others."""

    def refusal(self) -> Refused:
        return too_many(self.wait, "Too many requests.")


def too_many(wait: float, what: str) -> Refused:
    seconds = min(max(ceil(wait), 1), LONGEST_WAIT_SECONDS)
    return Refused(
        "rate_limited", f"{what} Retry after {seconds} seconds.",
        headers={"Retry-After": str(seconds)}, retry_after_seconds=seconds,
    )  # fmt: skip
