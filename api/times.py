"""Times on the wire: UTC with microseconds and Z, always (spec 01, section 1.1)."""

from datetime import UTC, datetime
from typing import overload


@overload
def wire_time(at: datetime) -> str: ...
@overload
def wire_time(at: None) -> None: ...
def wire_time(at: datetime | None) -> str | None:
    """``at`` is in UTC: what the database and the clock give."""
    return None if at is None else at.isoformat(timespec="microseconds")[:26] + "Z"


def read_time(text: str) -> datetime | None:
    """ISO 8601 with an offset; None for anything else."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
