"""A page of the change feed as it is sent, with where to go on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from msgspec import Struct

from api.changes.rendering import Rendered, Renderer
from api.changes.schemas import time_with_place
from api.http.refusal import Refused
from api.times import wire_time
from eventstore.database.transaction import TenantTx
from projections.queries.change_feed import BeyondTheLog, Changes

BEGINNING = "1970-01-01T00:00:00.000000Z"


class Page(Struct, frozen=True):
    """``beside`` is the entry that follows the page; of a page without entries that at its cursor."""

    changes: Changes
    entries: Sequence[Rendered]
    beside: Rendered | None

    @classmethod
    async def read(cls, renderer: Renderer, tx: TenantTx, changes: Changes, *, payloads: bool = False) -> "Page":
        beside = changes.following if changes.positions else changes.cursor
        extra = [] if beside is None or beside < 0 else [beside]
        render = renderer.render_sent if payloads else renderer.render
        found = await render(tx, [*changes.positions, *extra])
        here = len(changes.positions)
        return cls(changes, found[:here], found[here] if extra else None)

    def next_since(self, since: datetime | None) -> str:
        """``since`` is the time that was asked for, if one was."""
        cursor = self.changes.cursor
        if self.entries:
            last, following = self.entries[-1].inserted_at, self.beside
            shared = self.changes.more and (following is None or following.inserted_at <= last)
            return time_with_place(last, cursor, before=shared)
        if since is not None:
            return time_with_place(wire_time(since), cursor)
        return time_with_place(self.beside.inserted_at if self.beside else BEGINNING, max(cursor, 0))

    def encoded(self, since: datetime | None) -> bytes:
        """Of entries that are encoded already."""
        return b'{"data":[%b],"has_more":%b,"next_since":"%b","cursor":%d}' % (
            b",".join([entry.body for entry in self.entries]),
            b"true" if self.changes.more else b"false",
            self.next_since(since).encode(),
            self.changes.cursor,
        )


@contextmanager
def within_the_log(after: int) -> Iterator[None]:
    """A log that is shorter than a client knows it was restored, or is another tenant's. Raises Refused."""
    try:
        yield
    except BeyondTheLog as beyond:
        raise Refused(
            "bad_request",
            f"Nothing can go on after position {after}: this log ends at {beyond.size - 1}. It was restored, or the "
            "position is another log's. Begin again with since, or with after=-1 for all.",
        ) from None
