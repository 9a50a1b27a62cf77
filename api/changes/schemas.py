"""What a client can ask of the change feed (spec 01, section 5.1)."""

import re
from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from api.http.refusal import Refused
from api.times import read_time
from projections.queries.change_feed import ChangeFilter

MOST_ENTRIES = 1000
POSITION = re.compile(r"-1|[0-9]{1,18}")

Cursor = Annotated[str, Meta(description="Position of the last entry that you have; -1 for all. Misses nothing.")]


class ChosenQuery(Struct, frozen=True, kw_only=True):
    """Which changes: all of them, unless said otherwise."""

    project_id: Annotated[str, Meta(description="Only of the project with this id or slug.")] | UnsetType = UNSET
    entity_type: Annotated[str, Meta(description="Only of this kind, such as story.")] | UnsetType = UNSET
    action: Annotated[str, Meta(description="Only this, such as status_changed.")] | UnsetType = UNSET

    def filter(self, project_id: UUID | None, since: datetime | None = None) -> ChangeFilter:
        return ChangeFilter(
            project_id=project_id, action=self.action or None, entity_type=self.entity_type or None, since=since
        )


class WatchQuery(ChosenQuery, frozen=True, kw_only=True):
    after: (
        Annotated[str, Meta(description="Position of the last entry that you have; default the newest.")] | UnsetType
    ) = UNSET


class ChangesQuery(ChosenQuery, frozen=True, kw_only=True):
    """Exactly one of ``since``, ``after`` and ``cursor``; the last two mean the same."""

    since: Annotated[str, Meta(description="Only later than this time: ISO 8601 with offset.")] | UnsetType = UNSET
    after: Cursor | UnsetType = UNSET
    cursor: Cursor | UnsetType = UNSET
    limit: Annotated[int, Meta(description="At most this many, 1 to 1000; default 1000.")] | UnsetType = UNSET

    @property
    def most(self) -> int:
        return self.limit if isinstance(self.limit, int) and 1 <= self.limit <= MOST_ENTRIES else MOST_ENTRIES

    def start(self) -> tuple[int, datetime | None]:
        """The position to go on after, and the time. Raises Refused."""
        given = [each for each in (self.since, self.after, self.cursor) if each is not UNSET]
        if len(given) != 1:
            raise Refused("bad_request", "Say where to begin: either since, or after (cursor means the same)")
        if self.since is UNSET:
            return read_cursor(given[0]), None
        since = read_time(self.since)
        if since is None:
            raise Refused("bad_request", "since must be ISO 8601 with an offset; a + in it is written %2B")
        return -1, since


def read_cursor(text: str) -> int:
    """Raises Refused."""
    if not POSITION.fullmatch(text):
        raise Refused("bad_request", "after must be a position: a whole number, -1 for the beginning")
    return int(text)
