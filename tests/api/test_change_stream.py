"""GET /api/v1/changes/stream: entries as they come, resumed by position, bounded, and over when the process stops."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
import pytest
from redis.asyncio import Redis

from api.changes.news import News, hearing
from api.http.limits import Limits, Share
from api.http.server import Server, server_config
from api.http.shell import Shell
from api.start import listening_socket
from config.settings import Settings
from eventstore.callers.callers import find_caller
from eventstore.database.transaction import Database
from eventstore.following.wake_up import announcing
from eventstore.log.lane import Store
from projections.inline import INLINE, MODELS
from tests.api.asgi import ask, made
from tests.api.logs import NOON, PEPPERS, tenant_with_key
from tests.api.served import wire
from tests.eventstore.writing import CODEC
from tests.support.database import TestDatabase, connected, copied_database
from tests.support.events import new_project, put

PATH = "/api/v1/changes/stream"
QUICK = Limits(heartbeat_seconds=0.05, stream_poll_seconds=0.05, streams=Share(9, 2, 3))
PATIENT = Limits(heartbeat_seconds=30, stream_poll_seconds=30, request_seconds=0.2)
"""Neither polls nor beats while a test runs: only a wake-up can make it say something."""


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


class Process:
    """As much of an API process as a stream needs."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self.news = News()
        self.store = Store(
            database=database, codec=CODEC, models=MODELS, projections=INLINE, now=lambda: NOON,
            committed=lambda tenant_id, _: self.news.woken(tenant_id),
        )  # fmt: skip
        self.app: Shell = made(
            limits=limits, news=self.news, reading=database.tenant_transaction, utc_now=lambda: NOON,
            find_caller=lambda raw: find_caller(database, PEPPERS, raw, NOON),
        )  # fmt: skip


@pytest.fixture
async def database(shared: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(shared.app_url, role="loopctl_app")
    yield opened
    await opened.close()


class Listener:
    """A client of one stream, in this process."""

    def __init__(self, app: Any, raw: str, query: str, headers: Mapping[str, str]) -> None:
        self._sent: asyncio.Queue[Any] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._begun = False
        lines = {"host": "x", "authorization": f"Bearer {raw}", **headers}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": PATH,
            "raw_path": PATH.encode(), "query_string": query.encode(), "root_path": "", "scheme": "http",
            "headers": [(name.encode(), value.encode()) for name, value in lines.items()],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "state": {},
        }  # fmt: skip
        self.task = asyncio.create_task(app(scope, self._receive, self._sent.put))

    async def start(self) -> Any:
        async with asyncio.timeout(5):
            return await self._sent.get()

    async def chunk(self) -> bytes:
        """Empty at the end of the stream."""
        async with asyncio.timeout(5):
            message = await self._sent.get()
        return bytes(message.get("body", b""))

    async def events(self, count: int) -> list[dict[str, str]]:
        """The next so many, comments and heartbeats left out."""
        found: list[dict[str, str]] = []
        while len(found) < count:
            text = (await self.chunk()).decode()
            assert text, "the stream is over"
            found += [event for event in map(fields, text.split("\n\n")) if "data" in event]
        return found

    async def leave(self) -> None:
        self._gone.set()
        async with asyncio.timeout(5):
            await asyncio.wait([self.task])

    async def _receive(self) -> Any:
        if not self._begun:
            self._begun = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}


def fields(block: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":") and ": " in line)


@asynccontextmanager
async def listening(app: Any, raw: str, query: str = "", **headers: str) -> AsyncIterator[Listener]:
    listener = Listener(app, raw, query, {name.replace("_", "-"): value for name, value in headers.items()})
    start = await listener.start()
    assert start["status"] == 200
    assert (await listener.chunk()).startswith(b"retry: ")
    yield listener
    await listener.leave()


async def subscribed(process: Process, tenant: UUID) -> None:
    while not process.news.waiting(tenant):
        await asyncio.sleep(0.005)


async def test_a_commit_of_this_process_is_on_the_stream_at_once_with_its_position(database: Database) -> None:
    process = Process(database, PATIENT)
    tenant, raw = await tenant_with_key(process.store, "agent")
    async with listening(process.app, raw) as listener:
        await subscribed(process, tenant)
        await asyncio.sleep(0.1)
        project = new_project()
        await put(process.store, tenant, project, at=NOON)
        event = (await listener.events(1))[0]
    assert (event["id"], event["event"]) == ("2", "change")
    assert msgspec.json.decode(event["data"])["entity_id"] == str(project[0].id)


async def test_a_stream_goes_on_where_the_last_event_id_says(database: Database) -> None:
    process = Process(database, PATIENT)
    tenant, raw = await tenant_with_key(process.store)
    await put(process.store, tenant, *(new_project() for _ in range(250)), at=NOON)
    async with listening(process.app, raw, "after=-1") as listener:
        first = [event["id"] for event in await listener.events(100)]
    async with listening(process.app, raw, "after=-1", last_event_id=first[-1]) as listener:
        rest = [event["id"] for event in await listener.events(152)]
    assert first + rest == [str(position) for position in range(252)]


async def test_a_commit_elsewhere_is_found_by_polling(database: Database) -> None:
    process, elsewhere = Process(database, QUICK), Process(database, QUICK)
    tenant, raw = await tenant_with_key(process.store)
    async with listening(process.app, raw, "after=1") as listener:
        await put(elsewhere.store, tenant, new_project(), at=NOON)
        assert (await listener.events(1))[0]["id"] == "2"


async def test_a_commit_elsewhere_wakes_the_stream_through_redis(database: Database, redis_url: str) -> None:
    process, elsewhere = Process(database, PATIENT), Process(database, PATIENT)
    tenant, raw = await tenant_with_key(process.store)
    async with (
        Redis.from_url(redis_url, socket_timeout=5) as redis,
        announcing(redis) as announcer,
        hearing(redis, process.news),
        listening(process.app, raw, "after=1") as listener,
    ):
        await subscribed(process, tenant)
        await asyncio.sleep(0.2)
        await put(elsewhere.store, tenant, new_project(), at=NOON)
        announcer.committed(tenant, 3)
        assert (await listener.events(1))[0]["id"] == "2"


async def test_the_same_filters_hold_as_for_pages(database: Database) -> None:
    process = Process(database, QUICK)
    tenant, raw = await tenant_with_key(process.store)
    mine, other = new_project(), new_project()
    await put(process.store, tenant, other, mine, at=NOON)
    async with listening(process.app, raw, f"after=-1&project_id={mine[0].id}") as listener:
        assert [event["id"] for event in await listener.events(1)] == ["3"]
    async with listening(process.app, raw, "after=-1&entity_type=api_key&action=created") as listener:
        assert [event["id"] for event in await listener.events(1)] == ["1"]


async def test_a_silent_stream_sends_comments_that_move_the_cursor(database: Database) -> None:
    process = Process(database, QUICK)
    _, raw = await tenant_with_key(process.store)
    async with listening(process.app, raw, "entity_type=story") as listener:
        assert await listener.chunk() == b": still here\nid: 1\n\n"


async def test_without_a_place_to_begin_only_what_comes_is_sent(database: Database) -> None:
    process = Process(database, QUICK)
    tenant, raw = await tenant_with_key(process.store)
    async with listening(process.app, raw) as listener:
        assert await listener.chunk() == b": still here\nid: 1\n\n"
        await put(process.store, tenant, new_project(), at=NOON)
        assert [event["id"] for event in await listener.events(1)] == ["2"]


async def test_the_shells_time_limit_does_not_cut_a_stream_and_its_own_ends_it(database: Database) -> None:
    limits = msgspec.structs.replace(QUICK, request_seconds=0.1, stream_seconds=0.6)
    process = Process(database, limits)
    _, raw = await tenant_with_key(process.store)
    began = time.monotonic()
    async with listening(process.app, raw) as listener:
        while await listener.chunk():
            pass
    assert 0.5 < time.monotonic() - began < 30


async def test_open_streams_are_bounded_for_a_tenant_and_for_the_process(database: Database) -> None:
    process = Process(database, QUICK)
    (ann, ann_raw), (bob, bob_raw) = [await tenant_with_key(process.store) for _ in range(2)]
    headers = {"Authorization": f"Bearer {ann_raw}"}
    async with listening(process.app, ann_raw), listening(process.app, ann_raw):
        while process.news.waiting(ann) < 2:
            await asyncio.sleep(0.005)
        answer = await ask(process.app, PATH, headers=headers)
        assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (429, "too_many_at_once", "5")
        async with listening(process.app, bob_raw):
            await subscribed(process, bob)
            answer = await ask(process.app, PATH, headers={"Authorization": f"Bearer {bob_raw}"})
            assert answer.status == 503
    assert process.news.waiting() == 0, "whoever leaves makes room"


async def test_open_streams_take_no_place_of_other_requests(database: Database) -> None:
    process = Process(database, msgspec.structs.replace(QUICK, running=Share(1, 1, 1)))
    tenant, raw = await tenant_with_key(process.store)
    async with listening(process.app, raw):
        await subscribed(process, tenant)
        answer = await ask(process.app, "/api/v1/changes?after=-1", headers={"Authorization": f"Bearer {raw}"})
        assert answer.status == 200


@pytest.mark.parametrize(("query", "status"), [("after=x", 400), ("after=-2", 400), ("project_id=no-such", 404)])
async def test_what_cannot_be_streamed_is_refused_before_it_begins(database: Database, query: str, status: int) -> None:
    process = Process(database, QUICK)
    _, raw = await tenant_with_key(process.store)
    answer = await ask(process.app, f"{PATH}?{query}", headers={"Authorization": f"Bearer {raw}"})
    assert answer.status == status


async def test_no_tenant_hears_anothers_stream(database: Database) -> None:
    process = Process(database, QUICK)
    ann, _ = await tenant_with_key(process.store)
    bob, bob_raw = await tenant_with_key(process.store)
    async with listening(process.app, bob_raw) as listener:
        await put(process.store, ann, new_project("secret"), at=NOON)
        mine = new_project("mine")
        await put(process.store, bob, mine, at=NOON)
        event = (await listener.events(1))[0]
    assert msgspec.json.decode(event["data"])["entity_id"] == str(mine[0].id)


async def test_a_stop_ends_open_streams_cleanly_and_takes_no_new_ones(database: Database) -> None:
    process = Process(database, PATIENT)
    tenant, raw = await tenant_with_key(process.store)
    config = server_config(process.app, process.app.limits, 20, process.app.refused)
    server = Server(config, process.app.limits, signals=False, stopping=process.news.stop)
    with listening_socket(Settings(port=0), {}) as listener:
        port = listener.getsockname()[1]
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        async with wire(port) as connection:
            request = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {raw}\r\n\r\n"
            await connection.send(request.encode())
            await subscribed(process, tenant)
            began = time.monotonic()
            server.should_exit = True
            received = await asyncio.wait_for(connection.reader.read(), 10)
            await running
    assert b"HTTP/1.1 200" in received
    assert received.endswith(b"0\r\n\r\n"), "the last chunk: the client knows that it has everything"
    assert time.monotonic() - began < 10
    answer = await ask(process.app, PATH, headers={"Authorization": f"Bearer {raw}"})
    assert (answer.status, answer.error["code"]) == (503, "stopping")
