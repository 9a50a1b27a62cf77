"""Which logs have something for which followers: the net under the wake-ups, which may be lost."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import SystemTx

FIND_NEWS = "SELECT tenant_id, name, next_position, size FROM app.find_news($1, $2, $3)"

PAGE = 2000
"""Logs looked at in one statement, with news or without."""

FIRST = UUID(int=0)
"""Before every tenant."""


class LogNews(Struct, frozen=True):
    """The follower is not where the log ends. Further than that is news as well: the log was cut."""

    tenant_id: UUID
    follower: str
    next_position: int
    size: int


async def find_news(
    tx: SystemTx, followers: Sequence[str], after: UUID, most: int = PAGE
) -> tuple[list[LogNews], UUID | None]:
    """What is new in the next ``most`` logs behind ``after``, and the last of them; None when there were no more."""
    rows = await tx.fetch(FIND_NEWS, followers, after, most)
    found = [LogNews(*row) for row in rows if row["name"] is not None]
    last = next((row["tenant_id"] for row in rows if row["name"] is None), None)
    return found, last
