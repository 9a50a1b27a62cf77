"""Where PostgreSQL waits for a standby, no answer promises what the standby has not: neither the first nor one that is
given again. Went red while a retry was answered from a row that a failover loses."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import msgspec
import pytest
from prometheus_client import CollectorRegistry

from api.log.reading import LogReader
from api.start import checked_database
from config.refusal import StartRefused
from config.settings import Settings
from eventstore.catalog.check import NotDurable, assert_replicated
from eventstore.database.transaction import Database, DatabaseUnavailable, Timeouts
from eventstore.heads.last_signed import FileLastSigned
from migrations.connection import connected
from migrations.roles import bootstrap, with_role
from migrations.runner import migrate
from operations.command import Declined
from operations.reaching import app_database
from tests.api.logs import KEYRING, Service, service
from tests.api.team import Work, work
from tests.api.work import Client
from tests.support.cluster import STANDBY, OwnServer, own_server, standby_of
from tests.support.database import PASSWORDS, session
from workers.follower_metrics import FollowerMetrics
from workers.start import Addresses
from workers.start import checked_database as checked_database_of_worker
from workers.tree_heads import TreeHeads

VERIFY = {"review_type": "team", "summary": "ok"}
KEYED = {"Idempotency_Key": "the only one"}
SHORT = Timeouts(connect=60, acquire=60, command=2, rollback=60)
"""Of who waits for a standby that is gone; long enough for what needs none."""


class Migrated(msgspec.Struct, frozen=True):
    admin_url: str

    @property
    def app_url(self) -> str:
        return with_role(self.admin_url, "loopctl_app", PASSWORDS.app)

    @property
    def worker_url(self) -> str:
        return with_role(self.admin_url, "loopctl_worker", PASSWORDS.worker)


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with own_server(tmp_path_factory.mktemp("primary")) as server:
        yield server


@pytest.fixture
async def loop(primary: OwnServer) -> AsyncIterator[Work]:
    """Stories that nobody has begun."""
    await bootstrap(primary.admin_url, PASSWORDS)
    await migrate(with_role(primary.admin_url, "loopctl_migrator", PASSWORDS.migrator))
    async with service(Migrated(primary.admin_url)) as patient:
        yield await work(patient)


@asynccontextmanager
async def impatient(server: OwnServer) -> AsyncIterator[Service]:
    """Another process of the service, which gives a standby two seconds."""
    connect = partial(Database.connect, timeouts=SHORT)
    async with service(Migrated(server.admin_url), connect=connect) as started:
        yield started


@asynccontextmanager
async def waits_for(server: OwnServer, standby: str) -> AsyncIterator[None]:
    async with session(server.admin_url) as connection:
        await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
        await connection.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        if server.process.poll() is None:
            async with session(server.admin_url) as connection:
                await connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
                await connection.execute("SELECT pg_reload_conf()")


def seen_by(client: Client, other: Service) -> Client:
    return Client(other, client.tenant, client.raw)


async def slugs(user: Client) -> list[str]:
    return [project["slug"] for project in (await user.get("/projects")).json()["data"]]


def unknown(answer: Any) -> bool:
    return answer.status == 503 and "carried out is unknown" in answer.json()["error"]["message"]


async def test_a_retry_is_not_answered_from_what_only_this_server_has(primary: OwnServer, loop: Work) -> None:
    user, project = loop.team.user, {"name": "New", "slug": "new"}
    async with impatient(primary) as other:
        async with waits_for(primary, "nobody"):
            first = await seen_by(user, other).post("/projects", project, **KEYED)
            again = await seen_by(user, other).post("/projects", project, **KEYED)
            assert "new" in await slugs(seen_by(user, other))  # the control: it is there, and reads do not wait
        assert (unknown(first), unknown(again)) == (True, True), (first, again)
        answered = await seen_by(user, other).post("/projects", project, **KEYED)
    assert (answered.status, answered.headers["idempotent-replayed"]) == (201, "true")
    assert (await slugs(user)).count("new") == 1


async def test_what_is_so_already_is_confirmed_by_the_standby_and_a_refusal_needs_none(
    primary: OwnServer, loop: Work
) -> None:
    path, change = f"/projects/{loop.project}", {"name": "Renamed"}
    assert (await loop.team.user.patch(path, change)).status == 200
    async with impatient(primary) as other, waits_for(primary, "nobody"):
        assert unknown(await seen_by(loop.team.user, other).patch(path, change))
        assert (await seen_by(loop.team.user, other).patch(path, {"name": ""})).status == 422
        assert (await seen_by(loop.team.implementer, other).post(f"/stories/{loop.stories['1.1']}/claim")).status == 409
    assert (await loop.team.user.patch(path, change)).status == 200  # the control


async def test_an_answer_of_many_commands_waits_too(primary: OwnServer, loop: Work) -> None:
    body = {"stories": [{"story_id": loop.stories["1.1"], **VERIFY}]}
    first = await loop.team.orchestrator.post("/stories/bulk/verify", body, **KEYED)
    assert first.status == 422  # as a whole: its one story is not ready for it
    async with impatient(primary) as other:
        orchestrator = seen_by(loop.team.orchestrator, other)
        async with waits_for(primary, "nobody"):
            assert unknown(await orchestrator.post("/stories/bulk/verify", body, **KEYED))
        again = await orchestrator.post("/stories/bulk/verify", body, **KEYED)
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (422, first.body, "true")


async def test_who_demands_a_standby_starts_on_no_server_that_waits_for_none(primary: OwnServer, loop: Work) -> None:
    urls = Migrated(primary.admin_url)
    settings = Settings(database_url=urls.app_url, synchronous_replication=True)
    of_worker, unset = Addresses(urls.worker_url, "", replicated=True), "synchronous_standby_names is empty"
    with pytest.raises(StartRefused, match=unset):
        await checked_database(settings)
    with pytest.raises(StartRefused, match=unset):
        await checked_database_of_worker(of_worker, 1, asyncio.Event())
    with pytest.raises(Declined, match=unset):
        async with app_database(settings):
            pass
    async with waits_for(primary, "nobody"):  # the control; the standby may come later
        await (await checked_database(settings)).close()
        opened = await checked_database_of_worker(of_worker, 1, asyncio.Event())
        assert opened is not None
        await opened.close()
        async with app_database(settings):
            pass


async def test_what_health_asks_fails_without_the_standby(primary: OwnServer, loop: Work) -> None:
    database = await Database.connect(Migrated(primary.admin_url).app_url, role="loopctl_app", timeouts=SHORT)

    async def ask() -> None:
        async with database.system_transaction() as tx:
            await assert_replicated(tx)

    with pytest.raises(NotDurable):
        await ask()
    async with waits_for(primary, "nobody"):
        with pytest.raises(DatabaseUnavailable):
            await ask()
    await database.close()


@pytest.mark.parametrize("replicated", [True, False], ids=["confirmed first", "the control"])
async def test_no_head_is_signed_of_entries_that_the_standby_may_not_have(
    primary: OwnServer, loop: Work, tmp_path: Path, replicated: bool
) -> None:
    """Went red while a head was remembered outside of entries that a failover takes back: nothing would ever be signed
    on top of it."""
    urls, remembered = Migrated(primary.admin_url), FileLastSigned(tmp_path / "heads")
    tenant = loop.team.user.tenant
    of_worker = await Database.connect(urls.worker_url, role="loopctl_worker", timeouts=SHORT)
    heads = TreeHeads(of_worker, KEYRING, remembered, FollowerMetrics(CollectorRegistry()), replicated=replicated)
    async with impatient(primary) as other, waits_for(primary, "nobody"):
        log = LogReader(other.store.database, KEYRING, remembered, replicated=replicated)
        assert unknown(await seen_by(loop.team.user, other).post("/projects", {"name": "Lost", "slug": "lost"}))
        for sign in (heads.look, log.whole_head) if replicated else (heads.look,):
            with pytest.raises(DatabaseUnavailable):
                await sign(tenant)
        assert (await remembered.read(tenant) is None) is replicated
    await heads.look(tenant)
    assert await remembered.read(tenant) is not None
    await of_worker.close()


@pytest.mark.slow
async def test_a_standby_that_has_not_heard_of_a_new_role_is_no_refusal(tmp_path: Path, primary: OwnServer) -> None:
    """Went red when a service was set up on several servers, of which one that lagged was asked first."""
    with standby_of(primary, tmp_path / "standby") as standby:
        async with session(standby.admin_url) as lagging, session(primary.admin_url) as administrator:
            await lagging.execute("SELECT pg_wal_replay_pause()")
            await administrator.execute("CREATE ROLE newcomer LOGIN PASSWORD 'secret'")
            await administrator.execute("GRANT CONNECT ON DATABASE loopctl TO newcomer")
            folders = ",".join(parse_qs(urlsplit(each.admin_url).query)["host"][0] for each in (standby, primary))
            url = f"postgresql://newcomer:secret@/loopctl?host={folders}&target_session_attrs=read-write"
            with pytest.raises(asyncpg.InvalidPasswordError):  # the control
                await asyncpg.connect(url)
            asked = asyncio.create_task(who_am_i(url))
            await asyncio.sleep(0.5)
            assert not asked.done()
            await lagging.execute("SELECT pg_wal_replay_resume()")
            assert await asked == "newcomer"
            await administrator.execute("DROP OWNED BY newcomer; DROP ROLE newcomer")


async def who_am_i(url: str) -> Any:
    async with connected(url) as connection:
        return await connection.fetchval("SELECT session_user::text")


@pytest.mark.slow
async def test_after_a_failover_a_retry_hears_what_was_promised_and_nothing_is_there_twice(
    tmp_path: Path, primary: OwnServer, loop: Work
) -> None:
    user, project = loop.team.user, {"name": "Kept", "slug": "kept"}
    with standby_of(primary, tmp_path / "standby") as standby:
        async with waits_for(primary, STANDBY), impatient(primary) as other:
            async with loop.team.user.service.store.database.system_transaction() as tx:
                await assert_replicated(tx)
            with standby.hanging():
                first = await seen_by(user, other).post("/projects", project, **KEYED)
                again = await seen_by(user, other).post("/projects", project, **KEYED)
            assert (unknown(first), unknown(again)) == (True, True), (first, again)
            promised = await user.post("/projects", project, **KEYED)
            assert promised.status == 201
            primary.kill()
        async with session(standby.admin_url) as connection:
            await connection.execute("SELECT pg_promote()")
        async with service(Migrated(standby.admin_url)) as after:
            heard = await seen_by(user, after).post("/projects", project, **KEYED)
            assert (heard.status, heard.body) == (201, promised.body)
            assert (await slugs(seen_by(user, after))).count("kept") == 1
