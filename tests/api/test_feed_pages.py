"""Everything that is written is read back once, whichever way a client goes on; long: `make soak ARGS=feed`.

Red while ``next_since`` was the time of a page's last entry: events of one command share one, and the rest was lost.
"""

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from api.http.limits import Limits
from tests.api.asgi import ask
from tests.api.logs import NOON, Service, service, tenant_with_key
from tests.support.database import TestDatabase
from tests.support.events import new_project, put
from tests.support.feed_pages import Campaign, Read

ENTRIES = 200
QUICK = Limits(heartbeat_seconds=0.01, stream_poll_seconds=0.01)
BEFORE = quote("2020-01-01T00:00:00Z")


@pytest.fixture
async def running(log_of_module: TestDatabase) -> AsyncIterator[Service]:
    async with service(log_of_module, limits=QUICK) as started:
        yield started


def wrong(size: int, reads: list[Read]) -> dict[tuple[str, int], int]:
    return {(read.way, read.page): read.wrong(size) for read in reads if read.wrong(size)}


async def test_every_way_to_go_on_gets_everything_once_while_it_is_written(running: Service) -> None:
    size, reads = await Campaign(running, seed=1).run(ENTRIES, "next_since", "cursor", "stream", "chain")
    assert size > ENTRIES
    assert wrong(size, reads) == {}


async def test_a_client_that_goes_on_by_time_alone_is_found_losing(running: Service) -> None:
    """The control: the same log."""
    size, reads = await Campaign(running, seed=1).run(ENTRIES, "time")
    assert {page for _, page in wrong(size, reads)} >= {1, 7}


async def test_a_next_since_reads_as_the_time_of_the_last_entry_whose_time_is_complete(running: Service) -> None:
    """Whoever cuts the place off, as a client does that parses times, sees entries again and loses none."""
    tenant, raw = await tenant_with_key(running.store)
    await put(running.store, tenant, new_project(), new_project(), at=NOON)
    headers = {"Authorization": f"Bearer {raw}"}
    inside = (await ask(running.app, f"/api/v1/changes?since={BEFORE}&limit=3", headers=headers)).json()
    assert inside["next_since"] == "2026-03-27T11:59:59.999999000000000002Z"
    whole = (await ask(running.app, f"/api/v1/changes?since={BEFORE}", headers=headers)).json()
    assert whole["next_since"] == "2026-03-27T12:00:00.000000000000000003Z"
    for place, expected in ((inside["next_since"], [3]), (whole["next_since"], [])):
        answer = (await ask(running.app, f"/api/v1/changes?since={quote(place)}", headers=headers)).json()
        assert [entry["position"] for entry in answer["data"]] == expected


@pytest.mark.parametrize("query", ["after=3", "cursor=3", f"since={BEFORE}", "since=2099-01-01T00:00:00Z"])
@pytest.mark.parametrize("chosen", ["", "&entity_type=story"])
async def test_the_end_and_an_empty_page_say_where_to_go_on(running: Service, query: str, chosen: str) -> None:
    tenant, raw = await tenant_with_key(running.store)
    await put(running.store, tenant, new_project(), new_project(), at=NOON)
    headers = {"Authorization": f"Bearer {raw}"}
    end = (await ask(running.app, f"/api/v1/changes?{query}{chosen}", headers=headers)).json()
    assert (end["has_more"], end["cursor"]) == (False, 3)
    await put(running.store, tenant, new_project(), at=NOON)
    for place in (f"since={quote(end['next_since'])}", f"cursor={end['cursor']}"):
        answer = (await ask(running.app, f"/api/v1/changes?{place}", headers=headers)).json()
        assert [entry["position"] for entry in answer["data"]] == [4]


@pytest.mark.parametrize(
    "path",
    [
        "changes?after=4", "changes?cursor=9", "changes?since=2026-03-27T12:00:00.000000000000000004Z",
        "changes/stream?after=4", "audit/chain?after=4",
    ],
)  # fmt: skip
async def test_a_place_behind_the_end_is_refused_instead_of_missing_what_comes(running: Service, path: str) -> None:
    """Of a log that was restored to an earlier moment, or of another tenant."""
    tenant, raw = await tenant_with_key(running.store)
    await put(running.store, tenant, new_project(), new_project(), at=NOON)
    answer = await ask(running.app, f"/api/v1/{path}", headers={"Authorization": f"Bearer {raw}"})
    assert (answer.status, answer.error["code"]) == (400, "bad_request")
    assert "ends at 3" in answer.error["message"]
