"""The change feed as Server-Sent Events: each entry as it comes, with its position as the event's id."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from msgspec import Struct

from api.changes.rendering import Rendered
from api.http.refusal import Refused
from api.services import Services
from eventstore.database.transaction import DatabaseUnavailable
from eventstore.following.pause import set_within
from projections.queries.change_feed import ChangeFilter, Changes, find_changes

MOST_AT_ONCE = 100
BEGIN = b"retry: 1000\n\n"


class Watch(Struct, frozen=True):
    """One client's stream. ``after`` is None for what comes from now on."""

    tenant_id: UUID
    wanted: ChangeFilter
    after: int | None


def check_room(services: Services, tenant_id: UUID) -> None:
    """Raises Refused when this process has as many streams as it may."""
    news, limits = services.news, services.limits
    if news.stopping:
        raise Refused("stopping", headers={"Retry-After": "1"})
    if news.waiting() >= limits.streams or news.waiting(tenant_id) >= limits.streams_of_tenant:
        raise Refused("overloaded", "Too many open streams", headers={"Retry-After": "5"})


async def stream_changes(services: Services, watch: Watch) -> AsyncIterator[bytes]:
    """Until its time is over, the process stops or the database is lost; the client goes on where it was.

    Whoever is woken while a page is read looks again before it waits, so that no wake-up falls between.
    """
    loop, limits, news = asyncio.get_running_loop(), services.limits, services.news
    ends_at, after, silent_since = loop.time() + limits.stream_seconds, watch.after, loop.time()
    yield BEGIN
    with news.subscribed(watch.tenant_id) as woken:
        while not news.stopping and loop.time() < ends_at:
            woken.clear()
            try:
                changes, entries = await _page(services, watch, after)
            except DatabaseUnavailable:
                return
            if entries:
                yield b"".join(map(_event, entries))
            elif loop.time() - silent_since >= limits.heartbeat_seconds:
                yield b": still here\nid: %d\n\n" % changes.cursor
            if entries or loop.time() - silent_since >= limits.heartbeat_seconds:
                silent_since = loop.time()
            after = changes.cursor
            if not changes.more:
                await set_within(woken, min(limits.stream_poll_seconds, limits.heartbeat_seconds))


async def _page(services: Services, watch: Watch, after: int | None) -> tuple[Changes, list[Rendered]]:
    async with services.reading(watch.tenant_id) as tx:
        if after is None:
            after = (await find_changes(tx, -1, ChangeFilter(), 2**40)).cursor
        changes = await find_changes(tx, after, watch.wanted, MOST_AT_ONCE)
        return changes, await services.renderer.render(tx, changes.positions)


def _event(entry: Rendered) -> bytes:
    return b"id: %d\nevent: change\ndata: %b\n\n" % (entry.position, entry.body)
