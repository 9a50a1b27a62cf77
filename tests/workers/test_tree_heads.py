"""The worker signs the heads of logs that grow, and nothing that contradicts what was signed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from eventstore.database.transaction import Database
from eventstore.heads.last_signed import FileLastSigned, LastSigned
from eventstore.heads.signing import current_checkpoint
from tests.eventstore.growing import grow
from tests.eventstore.tampering import put_back, superuser
from tests.support.database import TestDatabase, connected, session
from tests.workers.logs import KEYRING, newest_signed, opened_log, signed_sizes
from tests.workers.processes import WorkerSettings, until, worker_process
from workers.follower_metrics import FollowerMetrics
from workers.tree_heads import CLOCK_PAUSE_SECONDS, REFUSED_PAUSE_SECONDS, TreeHeads


@pytest.fixture
async def app(database: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(database.app_url, role="loopctl_app", max_size=6)
    yield opened
    await opened.close()


class Signer:
    """The worker's signer with metrics of its own."""

    def __init__(self, database: Database, last_signed: LastSigned) -> None:
        self.registry = CollectorRegistry()
        self.heads = TreeHeads(database, KEYRING, last_signed, FollowerMetrics(self.registry))

    async def look(self, tenant: UUID) -> float | None:
        return await self.heads.look(tenant)

    def refused(self, reason: str) -> float | None:
        return self.registry.get_sample_value("loopctl_tree_heads_refused_total", {"reason": reason})


class Forgetful:
    """Remembers nothing outside the database: the control."""

    async def read(self, _: UUID) -> bytes | None:
        return None

    async def store(self, _: UUID, __: bytes) -> None:
        return None


@pytest.fixture
def remembered(tmp_path: Path) -> FileLastSigned:
    return FileLastSigned(tmp_path / "heads")


@pytest.fixture
def signer(worker_database: Database, remembered: FileLastSigned) -> Signer:
    return Signer(worker_database, remembered)


async def let_pass(database: TestDatabase, tenant: UUID, forward: timedelta) -> None:
    """As if every head had been signed that much earlier."""
    async with superuser(database) as connection:
        await connection.execute(
            "UPDATE app.log_checkpoint SET signed_at = signed_at - $2::interval WHERE tenant_id = $1", tenant, forward
        )


async def test_every_log_that_grows_has_a_head_over_its_end_although_nobody_asks(
    app: Database, worker_settings: WorkerSettings
) -> None:
    tenants = [await opened_log(app) for _ in range(5)]
    heads = worker_settings.marks.with_name("data") / "heads"

    async def signed(size: int) -> bool:
        return [await newest_signed(app, tenant) for tenant in tenants] == [size] * 5

    with worker_process(worker_settings):
        for size in (300, 301):
            for tenant in tenants:
                await grow(app, tenant, 300 if size == 300 else 1)
            await until(lambda size=size: signed(size), within_seconds=15)
        await until(lambda: sorted(path.name for path in heads.iterdir()) == sorted(map(str, tenants)))
    assert [await newest_signed(app, tenant) for tenant in tenants] == [301] * 5


async def test_a_log_that_grows_all_the_time_is_signed_at_most_once_a_second(
    app: Database, worker_settings: WorkerSettings
) -> None:
    tenant = await opened_log(app)
    with worker_process(worker_settings):
        await grow(app, tenant, 1)
        await until(lambda: is_signed(app, tenant, 1), within_seconds=15)
        for _ in range(60):
            await grow(app, tenant, 1)
            await asyncio.sleep(0.05)
        await until(lambda: is_signed(app, tenant, 61))
    async with app.tenant_transaction(tenant) as tx:
        rows = await tx.fetch("SELECT signed_at FROM app.log_checkpoint WHERE tenant_id = $1 ORDER BY size", tenant)
    times = [row["signed_at"] for row in rows]
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in pairwise(times))
    assert len(times) >= 3


async def is_signed(app: Database, tenant: UUID, size: int) -> bool:
    return await newest_signed(app, tenant) == size


async def test_a_head_that_is_not_due_is_come_back_to(app: Database, signer: Signer) -> None:
    tenant = await opened_log(app)
    await grow(app, tenant, 3)
    assert await signer.look(tenant) is None
    await grow(app, tenant, 3)
    again_in = await signer.look(tenant)
    assert again_in is not None
    assert 0 < again_in <= 1
    assert await signed_sizes(app, tenant) == [3]
    await asyncio.sleep(again_in)
    assert await signer.look(tenant) is None
    assert await signed_sizes(app, tenant) == [3, 6]


async def test_two_workers_and_an_api_that_sign_at_once_make_one_head_for_each_size(
    app: Database, worker_settings: WorkerSettings
) -> None:
    """`current_checkpoint` is what the API does for a receipt; `test_heads` holds the signing itself to one root."""
    tenant = await opened_log(app)
    remembered = FileLastSigned(worker_settings.marks.with_name("data") / "heads")
    with worker_process(worker_settings) as one, worker_process(worker_settings) as other:
        await grow(app, tenant, 1)
        await until(lambda: is_signed(app, tenant, 1), within_seconds=15)
        for _ in range(40):
            await grow(app, tenant, 2)
            async with app.tenant_transaction(tenant) as tx:
                await current_checkpoint(tx, KEYRING, remembered)
            await grow(app, tenant, 1)
            await asyncio.sleep(0.05)
        await until(lambda: is_signed(app, tenant, 121))
        assert not [line for worker in (one, other) for line in worker.log.splitlines() if "head_refused" in line]


async def test_a_signer_that_dies_between_signing_and_storing_is_followed_by_one_that_comes_to_the_same_head(
    app: Database, worker_database: Database, remembered: FileLastSigned, tmp_path: Path
) -> None:
    class Dies(FileLastSigned):
        async def store(self, tenant_id: UUID, note: bytes) -> None:
            await super().store(tenant_id, note)
            raise ZeroDivisionError

    tenant = await opened_log(app)
    await grow(app, tenant, 5)
    with pytest.raises(ZeroDivisionError):
        await Signer(worker_database, Dies(tmp_path / "heads")).look(tenant)
    lost = await remembered.read(tenant)
    assert await signed_sizes(app, tenant) == []
    assert await Signer(worker_database, remembered).look(tenant) is None
    assert await remembered.read(tenant) == lost
    assert await signed_sizes(app, tenant) == [5]


async def test_a_database_that_was_put_back_gets_no_head_and_an_alarm(
    app: Database, database: TestDatabase, signer: Signer, worker_database: Database
) -> None:
    tenant, other = await opened_log(app), await opened_log(app)
    await signed_and_put_back(app, database, signer, tenant)
    assert await signer.look(tenant) == REFUSED_PAUSE_SECONDS
    assert signer.refused("contradiction") == 1
    assert await signed_sizes(app, tenant) == [5]
    await grow(app, other, 1)
    assert await signer.look(other) is None, "the other tenants go on"
    assert await Signer(worker_database, Forgetful()).look(tenant) is None, "the control signs another history"
    assert await signed_sizes(app, tenant) == [5, 13]


async def signed_and_put_back(app: Database, database: TestDatabase, signer: Signer, tenant: UUID) -> None:
    """Heads of 5 and 10 are signed; the database goes back to 5 and grows to 13."""
    await grow(app, tenant, 5)
    await signer.look(tenant)
    await let_pass(database, tenant, timedelta(seconds=1))
    await grow(app, tenant, 5)
    assert await signer.look(tenant) is None
    await put_back(database, app, tenant, 5, heads_too=True)
    await grow(app, tenant, 8)


async def test_while_the_clock_is_behind_the_head_waits(app: Database, database: TestDatabase, signer: Signer) -> None:
    tenant = await opened_log(app)
    await grow(app, tenant, 5)
    await signer.look(tenant)
    await let_pass(database, tenant, -timedelta(hours=1))
    await grow(app, tenant, 5)
    assert await signer.look(tenant) == CLOCK_PAUSE_SECONDS
    assert (signer.refused("clock"), await signed_sizes(app, tenant)) == (1, [5])


async def test_the_heads_of_a_suspended_tenant_are_not_signed_until_it_is_active_again(
    app: Database, database: TestDatabase, signer: Signer
) -> None:
    tenant = await opened_log(app)
    await grow(app, tenant, 5)
    async with session(database.admin_url) as connection:
        await connection.execute(
            "INSERT INTO app.tenant (tenant_id, slug, name, status, root_of_trust, created_at, updated_at)"
            " VALUES ($1, $2, 'Acme', 'suspended', 'operator', now(), now())",
            tenant, tenant.hex,
        )  # fmt: skip
        assert await signer.look(tenant) is None
        assert await signed_sizes(app, tenant) == []
        await connection.execute("UPDATE app.tenant SET status = 'active' WHERE tenant_id = $1", tenant)
    await grow(app, tenant, 1)
    assert await signer.look(tenant) is None
    assert await signed_sizes(app, tenant) == [6]
