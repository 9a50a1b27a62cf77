"""The background check: what is due, what is remembered, and that damage is said aloud until it is mended."""

from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from domain.event import Stream
from domain.tenant import TenantCreated
from eventstore.database.transaction import Database, TenantTx
from eventstore.fsck.watch import Pace, watch_log
from eventstore.heads.log_keys import Begin, new_log_key
from eventstore.log.command import Change
from eventstore.log.founding import create_tenant_log
from projections.inline import INLINE
from tests.eventstore.fsck.logs import sign
from tests.eventstore.growing import KEYRING, NOON, grow
from tests.eventstore.writing import store
from tests.support.database import TestDatabase, connected
from tests.workers.schedules import Schedule
from workers.actors import Timing, Tools
from workers.jobs.check_logs import JOB, check_each, check_logs

OFTEN = Pace(whole_seconds=3600, tick_seconds=1, least=512, newest=300)
DAMAGE = "UPDATE app.log_head SET frontier = sha256(frontier) || substr(frontier, 33) WHERE tenant_id = '{}'"

MEND = """
    UPDATE app.log_head AS h SET frontier = c.frontier
      FROM app.log_checkpoint AS c
     WHERE c.tenant_id = h.tenant_id AND c.size = h.size AND h.tenant_id = '{}'
"""


@pytest.fixture
async def app(database: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(database.app_url, role="loopctl_app", max_size=2)
    yield opened
    await opened.close()


async def tenant_with_log(app: Database, size: int, slug: str = "acme") -> UUID:
    tenant_id = uuid4()

    async def log_key(tx: TenantTx) -> None:
        await new_log_key(tx, KEYRING, Begin(f"example.org/t/{tenant_id}", "created", NOON))

    created = TenantCreated(name="Acme", slug=slug, root_of_trust="operator")
    whole = structs.replace(store(app), projections=INLINE)
    await create_tenant_log(whole, tenant_id, ("test",), [Change(Stream("tenant", tenant_id), created)], [log_key])
    await grow(app, tenant_id, size - 1)
    await sign(app, tenant_id)
    return tenant_id


async def looked(worker: Database, tenant: UUID, pace: Pace = OFTEN) -> list[tuple[int, int]]:
    """From where to where each check went."""
    watched = await watch_log(worker, tenant, pace)
    assert watched.fault is None
    return [(check.first, check.size) for check in watched.checks]


async def test_everything_is_seen_in_slices_and_the_newest_part_when_the_log_has_grown(
    app: Database, worker_database: Database
) -> None:
    tenant = await tenant_with_log(app, 1200)
    assert await looked(worker_database, tenant) == [(768, 1200), (0, 512)]
    assert await looked(worker_database, tenant) == [(512, 1024)]
    assert await looked(worker_database, tenant) == [(1024, 1200)]
    assert await looked(worker_database, tenant) == [], "nothing is due"
    await grow(app, tenant, 100)
    assert await looked(worker_database, tenant) == [(768, 1300)]
    again = structs.replace(OFTEN, whole_seconds=0)
    assert await looked(worker_database, tenant, again) == [(0, 1300)]


async def test_damage_is_said_at_every_look_and_no_more_when_it_is_mended(app: Database, schedule: Schedule) -> None:
    good, bad = await tenant_with_log(app, 300, "good"), await tenant_with_log(app, 300, "bad")
    counted: Counter[tuple[str, str]] = Counter()
    tools = Tools(schedule.database, Timing(), lambda verdict, check: counted.update([(verdict, check)]))
    await check_each(tools, OFTEN)
    assert counted == {("good", ""): 2}
    await schedule.administer(DAMAGE.format(bad))
    await grow(app, good, 10)
    with capture_logs() as said:
        await check_each(tools, structs.replace(OFTEN, whole_seconds=0))
        await check_each(tools, OFTEN)
    assert [(line["log_level"], line["event"], line["tenant"], line["path"]) for line in said] == [
        ("error", "log_damaged", str(bad), "head row")
    ] * 2
    assert counted["bad", "stored"] == 2
    await schedule.administer(MEND.format(bad))
    await check_each(tools, OFTEN)
    with capture_logs() as said:
        await check_each(tools, structs.replace(OFTEN, whole_seconds=0))
    assert said == []


async def test_the_job_does_it_under_its_lease(app: Database, schedule: Schedule) -> None:
    tenant = await tenant_with_log(app, 300)
    await schedule.scheduler(JOB, lock=7).round()
    (_, run_id) = schedule.wakes[-1]
    assert await check_logs(Tools(schedule.database, Timing()), run_id) == "done"
    async with schedule.database.tenant_transaction(tenant) as tx:
        row = await tx.fetchrow("SELECT newest_size, whole_size, whole_heads, fault FROM app.watched_log")
    assert row is not None
    assert tuple(row) == (300, 300, 1, None)


def test_the_newest_entries_are_looked_at_twice_a_minute() -> None:
    assert (JOB.every_seconds, Pace().newest, 2 * Pace().whole_seconds) == (30, 10_000, 86_400)
