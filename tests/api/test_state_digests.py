"""The log says what the read models come to, and a replay of it comes to the same (spec 05, R17)."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import pytest

from api.state_digests import ACTOR, StateDigests, digest_now, digesting, recording
from domain.observation import Observed
from domain.state_digest import StateDigested, digest_stream, next_digest
from eventstore.database.owning import owner_rehearsal
from eventstore.log.command import Reply
from eventstore.log.lane import Writer
from eventstore.log.read import read_stream
from projections.inline import PROJECTIONS
from projections.state_check import StateChecked, check_state
from tests.api.logs import Service, noon, service
from tests.api.test_short_way import every_transition
from tests.api.work import Client, nobody
from tests.projections.test_rebuild import rebuilt
from tests.support.database import TestDatabase, session

TABLES = {table for projection in PROJECTIONS for table in projection.tables}


async def filled(who: Client, size: int) -> None:
    """At least so many entries."""
    seen = Observed(name="seen", entity_type="session", entity_id=UUID(nobody()))
    await who.happens("audit", nobody(), *[seen] * size)


async def record(running: Service, tenant: UUID) -> int | None:
    digest = await digest_now(running.store.database, tenant)
    return (await submit(running, tenant, digest)).position


async def submit(running: Service, tenant: UUID, digest: StateDigested, *, asked: bool = True) -> Reply:
    return await Writer(running.store).submit(tenant, recording(tenant, digest, ACTOR, noon(), asked=asked))


async def checked(database: TestDatabase, running: Service, tenant: UUID) -> StateChecked:
    async with owner_rehearsal(database.migrator_url, tenant) as tx:
        return await check_state(tx, running.store.codec, PROJECTIONS)


async def administer(database: TestDatabase, statement: str, *arguments: object) -> None:
    async with session(database.admin_url) as connection:
        await connection.execute(statement, *arguments)


def other(found: StateChecked) -> Sequence[tuple[int, str]]:
    return [(each.size, each.table) for each in found.digests if each.verdict != "equal"]


async def test_a_replay_comes_to_the_digests_of_the_log_and_so_does_a_rebuild(log_of_module: TestDatabase) -> None:
    async with service(log_of_module) as running:
        loop = await every_transition(running)
        tenant = loop.team.user.tenant
        assert await record(running, tenant) is not None
        assert await loop.team.user.epic(loop.project, 3)
        assert await record(running, tenant) is not None
        found = await checked(log_of_module, running, tenant)
        assert (found.is_good, other(found)) == (True, [])
        assert {each.table for each in found.digests} == TABLES
        assert len({each.size for each in found.digests}) == 2
        before = await digest_now(running.store.database, tenant)
        assert all(each.was_equal for each in await rebuilt(log_of_module, tenant))
        assert await digest_now(running.store.database, tenant) == before
        rows = {each.table: each.rows for each in before.tables}
        assert rows["app.story"] == 7
        assert rows["app.audit_index"] == before.size


ALTERED = {
    "app.story": """
        UPDATE app.story SET title = 'Other' WHERE tenant_id = $1 AND number = '1.1' RETURNING story_id::text
    """,
    "app.work_queue": "DELETE FROM app.work_queue WHERE tenant_id = $1 AND minor = 6 RETURNING story_id::text",
    "app.story_text": """
        UPDATE app.story_text AS t
           SET description = 'x'
          FROM app.story AS s
         WHERE t.tenant_id = $1 AND s.tenant_id = $1 AND t.story_id = s.story_id AND s.number = '1.2'
        RETURNING t.story_id::text
    """,
    "app.audit_index": """
        UPDATE app.audit_index SET action = 'forged' WHERE tenant_id = $1 AND position = 20 RETURNING position::text
    """,
    "app.epic_progress": """
        UPDATE app.epic_progress SET hours = 7 WHERE tenant_id = $1 AND stories = 1 RETURNING epic_id::text
    """,
}


@pytest.mark.parametrize("table", ALTERED)
async def test_a_row_that_was_altered_by_hand_is_named(log_of_module: TestDatabase, table: str) -> None:
    """The control of the test above: with the same log, and with a digest that was taken of the altered row."""
    async with service(log_of_module) as running:
        loop = await every_transition(running)
        tenant = loop.team.user.tenant
        await record(running, tenant)
        async with session(log_of_module.admin_url) as connection:
            key = await connection.fetchval(ALTERED[table], tenant)
        found = await checked(log_of_module, running, tenant)
        assert [(each.table, each.keys) for each in found.live if not each.was_equal] == [(table, (key,))]
        assert (found.is_good, other(found)) == (False, [])
        await record(running, tenant)
        found = await checked(log_of_module, running, tenant)
        assert other(found) == [(max(each.size for each in found.digests), table)]
        await rebuilt(log_of_module, tenant)
        assert all(each.was_equal for each in (await checked(log_of_module, running, tenant)).live)


async def test_a_digest_says_the_same_whatever_the_session_and_the_history_of_a_number_are(
    ann: Client, served: Service, log_of_module: TestDatabase
) -> None:
    """Went red without `AT TIME ZONE` and without `trim_scale`."""
    epic = await ann.epic(await ann.project(), 1)
    await ann.story(epic, "1.1", estimated_hours="1.50")
    before = await digest_now(served.store.database, ann.tenant)
    name = log_of_module.name
    await administer(log_of_module, f"ALTER DATABASE {name} SET timezone = 'Asia/Kathmandu'")
    await administer(
        log_of_module, "UPDATE app.epic_progress SET hours = hours + 0.00000 WHERE tenant_id = $1", ann.tenant
    )
    try:
        async with service(log_of_module) as running:
            assert await digest_now(running.store.database, ann.tenant) == before
    finally:
        await administer(log_of_module, f"ALTER DATABASE {name} RESET timezone")


async def test_digests_follow_a_log_that_grows_and_two_processes_record_one(ann: Client, served: Service) -> None:
    digests = StateDigests(served.store.database)
    submitted = Writer(served.store).submit
    assert not await digests.look(ann.tenant, submitted, noon())
    due = next_digest(None)
    await filled(ann, due)
    first = await digest_now(served.store.database, ann.tenant)
    assert await digests.look(ann.tenant, submitted, noon())
    assert (await submit(served, ann.tenant, first, asked=False)).position is None  # by a second process
    assert not await digests.look(ann.tenant, submitted, noon())
    assert await sizes(served, ann) == [first.size]


async def sizes(served: Service, who: Client) -> list[int]:
    async with served.store.database.tenant_transaction(who.tenant) as tx:
        stream = await read_stream(tx, served.store.codec, digest_stream(who.tenant).id, 1 << 40)
    return [each.event.size for each in stream if isinstance(each.event, StateDigested)]


async def test_a_process_records_for_the_logs_that_it_writes_to(ann: Client, served: Service) -> None:
    digests = StateDigests(served.store.database)
    await filled(ann, next_digest(None))
    async with digesting(digests, Writer(served.store).submit, noon):
        digests.grown(ann.tenant, next_digest(None))
        for _ in range(200):
            if await sizes(served, ann):
                break
            await asyncio.sleep(0.05)
    assert len(await sizes(served, ann)) == 1


@pytest.mark.parametrize(("pause", "tries"), [(0.0, 2), (3600.0, 1)], ids=["after the pause", "and not before"])
async def test_what_goes_wrong_with_one_log_is_tried_again_with_a_later_entry(
    ann: Client, served: Service, pause: float, tries: int
) -> None:
    digests = StateDigests(served.store.database, pause)
    await filled(ann, next_digest(None))
    tried: list[UUID] = []
    failed = asyncio.Event()

    async def broken(tenant: UUID, _: object) -> Reply:
        tried.append(tenant)
        failed.set()
        raise RuntimeError

    task = asyncio.create_task(digests.run(broken, noon))
    for size in (1, 2):
        failed.clear()
        digests.grown(ann.tenant, size)
        with suppress(TimeoutError):
            await asyncio.wait_for(failed.wait(), 10 if len(tried) < tries else 0.2)
        await asyncio.sleep(0.05)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert tried == [ann.tenant] * tries
