"""The change feed as Server-Sent Events: each entry as it comes, with its position as the event's id."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from msgspec import Struct, structs

from api.changes.rendering import Rendered
from api.http.refusal import Refused
from api.services import Services
from eventstore.database.transaction import DatabaseUnavailable
from eventstore.following.pause import set_within
from projections.queries.change_feed import BeyondTheLog, ChangeFilter, Changes, find_changes

MOST_AT_ONCE = 100
BEGIN = b"retry: 1000\n\n"
HERE = b"id: %d\n\n"
"""Moves the place to resume at, and is no event."""


class Watch(Struct, frozen=True):
    """One client's stream."""

    tenant_id: UUID
    wanted: ChangeFilter
    after: int


def check_running(services: Services) -> None:
    """Raises Refused when this process is being stopped."""
    if services.news.stopping:
        raise Refused("stopping", headers={"Retry-After": "1"})


async def stream_changes(services: Services, watch: Watch) -> AsyncIterator[bytes]:
    """Until its time is over, the process stops or the database is lost; the client goes on where it was.

    Where it stands is said at once, and at the end: a client that is cut off before the first entry, or long after the
    last that its filter let through, misses nothing. Whoever is woken while a page is read looks again before it waits,
    so that no wake-up falls between.
    """
    loop, limits, news = asyncio.get_running_loop(), services.limits, services.news
    ends_at, silent_since = loop.time() + limits.stream_seconds, loop.time()
    yield BEGIN + (HERE % watch.after if watch.wanted.since is None else b"")  # a time is asked for again
    with news.subscribed(watch.tenant_id) as woken:
        while not news.stopping and loop.time() < ends_at:
            woken.clear()
            try:
                changes, entries = await _page(services, watch)
            except (DatabaseUnavailable, BeyondTheLog):
                return
            if entries:
                yield b"".join(map(_event, entries))
            elif loop.time() - silent_since >= limits.heartbeat_seconds:
                yield b": still here\n" + HERE % changes.cursor
            if entries or loop.time() - silent_since >= limits.heartbeat_seconds:
                silent_since = loop.time()
            watch = Watch(watch.tenant_id, structs.replace(watch.wanted, since=None), changes.cursor)
            if not changes.more:
                await set_within(woken, min(limits.stream_poll_seconds, limits.heartbeat_seconds))
    yield HERE % watch.after


async def _page(services: Services, watch: Watch) -> tuple[Changes, list[Rendered]]:
    async with services.reading(watch.tenant_id) as tx:
        changes = await find_changes(tx, watch.after, watch.wanted, MOST_AT_ONCE)
        return changes, await services.renderer.render(tx, changes.positions)


def _event(entry: Rendered) -> bytes:
    return b"id: %d\nevent: change\ndata: %b\n\n" % (entry.position, entry.body)
