"""What a client can ask of the change feed (spec 01, section 5.1)."""

import re
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from api.audit.names import Action, EntityType
from api.http.query import ListQuery
from api.http.refusal import Refused
from api.times import read_time, wire_time
from projections.queries.change_feed import ChangeFilter

MOST_ENTRIES = 1000
POSITION = re.compile(r"-1|[0-9]{1,18}")
WITH_PLACE = re.compile(r"[^.]*\.[0-9]{6}([0-9]{12})(?:Z|[+-][0-9:]+)")
"""A time as `time_with_place` writes it."""

Since = Annotated[
    str,
    Meta(description="Only later than this time, ISO 8601 with offset; or a next_since, which goes on where it was."),
]
Cursor = Annotated[str, Meta(description="Position of the last entry that you have; -1 for all. Misses nothing.")]
Most = Annotated[int, Meta(description="At most this many, 1 to 1000; default 1000.")]


class ChosenQuery(ListQuery, frozen=True, kw_only=True):
    """Which changes: all of them, unless said otherwise."""

    project_id: Annotated[str, Meta(description="Only of the project with this id or slug.")] | UnsetType = UNSET
    entity_type: EntityType | UnsetType = UNSET
    action: Action | UnsetType = UNSET

    def filter(self, project_id: UUID | None, since: datetime | None = None) -> ChangeFilter:
        return ChangeFilter(
            project_id=project_id, action=self.action or None, entity_type=self.entity_type or None, since=since
        )


class Start(Struct, frozen=True):
    """Behind a position, or behind a time."""

    after: int = -1
    since: datetime | None = None


class WatchQuery(ChosenQuery, frozen=True, kw_only=True):
    """At most one of ``since``, ``after`` and ``cursor``; the last two mean the same."""

    since: Since | UnsetType = UNSET
    after: Cursor | UnsetType = UNSET
    cursor: Cursor | UnsetType = UNSET

    def start(self) -> Start | None:
        """None when nothing is said. Raises Refused."""
        given = [each for each in (self.since, self.after, self.cursor) if each is not UNSET]
        if len(given) > 1:
            raise Refused("bad_request", "Say where to begin once: either since, or after (cursor means the same)")
        if not given:
            return None
        return Start(after=read_cursor(given[0])) if self.since is UNSET else read_since(self.since)


class ChangesQuery(WatchQuery, frozen=True, kw_only=True):
    limit: Most | UnsetType = UNSET
    page_size: Annotated[int, Meta(description="The same as limit.")] | UnsetType = UNSET
    payloads: Annotated[bool, Meta(description="With each what a webhook would be sent of it; null for nothing.")] = (
        False
    )

    @property
    def most(self) -> int:
        wanted = self.page_size if self.limit is UNSET else self.limit
        return wanted if isinstance(wanted, int) and 1 <= wanted <= MOST_ENTRIES else MOST_ENTRIES


def read_cursor(text: str) -> int:
    """Raises Refused."""
    if not POSITION.fullmatch(text):
        raise Refused("bad_request", "after must be a position: a whole number, -1 for the beginning")
    return int(text)


def read_since(text: str) -> Start:
    """Raises Refused."""
    since = read_time(text)
    if since is None:
        raise Refused("bad_request", "since must be ISO 8601 with an offset; a + in it is written %2B")
    place = WITH_PLACE.fullmatch(text)
    return Start(after=int(place[1])) if place else Start(since=since)


def time_with_place(text: str, position: int, *, before: bool = False) -> str:
    """A time with a position in digits behind its microseconds: whoever reads it as a time reads a good one, and
    whoever sends it back as it is goes on behind that position. ``before``: a microsecond less, for a time that others
    share that are still to come, so that whoever cuts the digits off sees some again and loses none."""
    if before:
        found = read_time(text)
        text = text if found is None else wire_time(found - timedelta(microseconds=1))
    return f"{text[:-1]}{position:012d}Z"
