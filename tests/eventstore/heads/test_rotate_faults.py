"""A change of key that is interrupted anywhere, or meets others: the log goes on, and nothing is half done."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest

from api.log.reading import LogReader
from api.log.rotating import Rotated, rotation
from domain.errors import Conflict
from eventstore.database.transaction import Database, TenantTx
from eventstore.heads.last_signed import FileLastSigned
from eventstore.heads.log_keys import Begin, LogKey, new_log_key
from eventstore.heads.rederive import HeadRefused
from eventstore.heads.rotate import Signing, begin_change
from eventstore.heads.signing import current_checkpoint
from eventstore.log.command import Origin
from eventstore.log.idempotency import HOLD
from eventstore.log.lane import Lane, Way, Writer
from tests.eventstore.growing import KEYRING, NOON, grow, opened_log
from tests.eventstore.heads.test_heads import sign
from tests.eventstore.rotating import audited, keys_of, read, rotate, rotating_store, rotations_in
from tests.eventstore.writing import new_project, refused, store
from tests.loopctl.audit.bundles import fault, judge
from tests.support.database import TestDatabase, connected, copied_database


@pytest.fixture(scope="module")
async def made(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    """Shared by the tests of this file: each brings tenants of its own."""
    async with copied_database(postgres_admin_url, database_template) as database:
        yield database


@pytest.fixture
async def app(made: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(made.app_url, role="loopctl_app")
    yield opened
    await opened.close()


@pytest.fixture
async def tenant(app: Database) -> UUID:
    tenant = await opened_log(app)
    await grow(app, tenant, 5)
    return tenant


# Interrupted ----------------------------------------------------------------------------------------------------------


class Died(Exception):
    """The process, at some step."""


class Mortal(Database):
    """Dies at one step: steps are statements, each before it is sent, and COMMITs, before and after. -1: never."""

    dies_at = -1
    steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps - 1 == self.dies_at:
            raise Died

    @asynccontextmanager
    async def tenant_transaction(self, tenant_id: UUID) -> AsyncIterator[TenantTx]:
        async with super().tenant_transaction(tenant_id) as tx:
            yield cast("TenantTx", Stepping(tx, self))
            self.step()
        self.step()


class Stepping:
    def __init__(self, tx: TenantTx, mortal: Mortal) -> None:
        self._tx = tx
        self._mortal = mortal
        self.tenant_id = tx.tenant_id

    def __getattr__(self, name: str) -> Any:
        """A statement."""
        self._mortal.step()
        return getattr(self._tx, name)


@pytest.mark.parametrize("reason", ["scheduled", "compromise"])
async def test_after_a_death_at_any_step_the_log_goes_on_and_the_key_can_be_changed(
    app: Database, made: TestDatabase, tmp_path: Path, reason: str
) -> None:
    remembered = FileLastSigned(tmp_path / "heads")
    mortal = await Mortal.connect(made.app_url, role="loopctl_app")
    seen = set()
    for step in range(1000):
        tenant = await opened_log(app)
        await grow(app, tenant, 5)
        mortal.steps, mortal.dies_at = 0, step
        with suppress(Died):
            await rotate(mortal, tenant, reason, remembered)
            break
        seen.add(await changes_so_far(app, tenant))
        await grow(app, tenant, 2)
        await sign(app, tenant, remembered)
        assert (await audited(app, tenant)).verdict == "good", f"died at step {step}"
        await rotate(app, tenant, reason, remembered)
        await grow(app, tenant, 1)
        assert (await audited(app, tenant)).verdict == "good", f"died at step {step}"
        await changes_so_far(app, tenant)
    await mortal.close()
    assert (step > 25, seen) == (True, {0, 1}), "no step was passed over, some were before the change, some after"


async def changes_so_far(app: Database, tenant: UUID) -> int:
    """As the log and the keys say with one voice."""
    count = await rotations_in(app, tenant)
    assert len(await keys_of(app, tenant)) == count + 1
    return count


async def test_a_change_that_is_half_done_is_told_from_a_whole_one(app: Database, tenant: UUID) -> None:
    """The control: a key without its entry."""
    assert await changes_so_far(app, tenant) == 0
    async with app.tenant_transaction(tenant) as tx:
        await new_log_key(tx, KEYRING, Begin(f"example.org/t/{tenant}", "scheduled", NOON, 5))
    with pytest.raises(AssertionError):
        await changes_so_far(app, tenant)


async def test_a_boundary_head_in_the_transaction_of_its_entry_would_stop_the_log_for_good(
    app: Database, tenant: UUID, tmp_path: Path
) -> None:
    """The control: with one transaction less, a death before its COMMIT leaves a remembered head of an entry that
    there never was."""
    remembered = FileLastSigned(tmp_path / "heads")
    lane = Lane(rotating_store(app), tenant, asyncio.Semaphore())
    with suppress(Died):
        async with app.tenant_transaction(tenant) as tx:
            changing = await begin_change(tx, Signing(KEYRING), "scheduled")
            command = rotation(tenant, Origin(actor=("test",), at=NOON, refuse=refused), changing, lambda *_: None)
            await lane._decide_and_write(tx, [command], Way(used_keys=False, held=True))
            await current_checkpoint(tx, KEYRING, remembered)
            raise Died
    await grow(app, tenant, 2)
    with pytest.raises(HeadRefused):
        await sign(app, tenant, remembered)


async def test_whoever_signs_next_makes_the_boundary_head_that_a_dead_one_owed(
    app: Database, made: TestDatabase, tenant: UUID
) -> None:
    mortal = await Mortal.connect(made.app_url, role="loopctl_app")
    mortal.dies_at = await step_after_the_second_commit(app, mortal)
    mortal.steps = 0
    with pytest.raises(Died):
        await rotate(mortal, tenant)
    await mortal.close()
    await grow(app, tenant, 3)
    assert (await sign(app, tenant)).size == 9
    report = await audited(app, tenant)
    assert (report.verdict, [each.boundary for each in report.rotations]) == ("good", [6])


async def step_after_the_second_commit(app: Database, mortal: Mortal) -> int:
    """By trying on logs of their own."""
    for step in range(1000):
        tenant = await opened_log(app)
        await grow(app, tenant, 5)
        mortal.steps, mortal.dies_at = 0, step
        with suppress(Died):
            await rotate(mortal, tenant)
        if await rotations_in(app, tenant):
            return step
    raise AssertionError("no step after the change")


async def test_two_changes_in_a_row_have_a_boundary_head_each(app: Database, tenant: UUID) -> None:
    first = await rotate(app, tenant)
    second = await rotate(app, tenant)
    assert (first.new, second.position) == (second.old, first.position + 1)
    report = await audited(app, tenant)
    assert (report.verdict, [each.boundary for each in report.rotations]) == ("good", [6, 7])


# Together with others -------------------------------------------------------------------------------------------------


async def test_changes_among_writers_of_several_processes_are_each_alone_and_lose_nothing(
    app: Database, made: TestDatabase, tenant: UUID
) -> None:
    other = await connected(made.app_url, role="loopctl_app")
    writers = [Writer(store(app)), Writer(store(other))]
    stop = asyncio.Event()
    positions: list[int] = []

    async def write(writer: Writer, name: str) -> None:
        number = 0
        while not stop.is_set():
            wishes = [new_project(f"{name}-{number + each}") for each in range(5)]
            number += 5
            replies = await asyncio.gather(*(writer.submit(tenant, wish) for wish in wishes))
            positions.extend(reply.position for reply in replies if reply.position is not None)

    async with asyncio.TaskGroup() as tasks:
        for number in range(4):
            tasks.create_task(write(writers[number % 2], f"writer-{number}"))
        changes = [await rotate(app, tenant, "scheduled") for _ in range(5)]
        stop.set()
    await other.close()
    taken = sorted([*positions, *(change.position for change in changes)])
    assert taken == list(range(5, 5 + len(taken))), "every place is one acknowledged event's"
    assert len(positions) > 20
    report = await audited(app, tenant)
    assert (report.verdict, report.size, len(report.rotations)) == ("good", 5 + len(taken), 5)


async def test_two_changes_at_once_are_one_or_two_whole_ones(app: Database, made: TestDatabase) -> None:
    other = await connected(made.app_url, role="loopctl_app")
    refused = 0
    for _ in range(10):
        tenant = await opened_log(app)
        await grow(app, tenant, 5)
        ends = await asyncio.gather(rotate(app, tenant), rotate(other, tenant), return_exceptions=True)
        done = [end for end in ends if isinstance(end, Rotated)]
        refused += sum(isinstance(end, Conflict) for end in ends)
        assert len(done) + sum(isinstance(end, Conflict) for end in ends) == 2
        assert await changes_so_far(app, tenant) == len(done)
        assert (await audited(app, tenant)).verdict == "good"
    await other.close()
    assert refused > 0


async def test_nobody_appends_while_the_end_of_the_log_is_held(app: Database, tenant: UUID) -> None:
    async with app.tenant_transaction(tenant) as tx:
        await tx.execute(HOLD, tenant)
        growing = asyncio.create_task(grow(app, tenant, 1))
        elsewhere = await opened_log(app)
        await grow(app, elsewhere, 1)
        await asyncio.sleep(0.3)
        assert not growing.done()
    await growing


class ChangesTheKeyBeforeTellingIt(LogReader):
    """Between the head of an export and its keys."""

    app: Database

    async def keys(self, tenant_id: UUID) -> Sequence[LogKey]:
        await rotate(self.app, tenant_id, "compromise")
        return await super().keys(tenant_id)


async def test_an_export_during_a_change_is_whole(app: Database, tenant: UUID) -> None:
    log = ChangesTheKeyBeforeTellingIt(app, KEYRING)
    log.app = app
    first = (await keys_of(app, tenant))[0].key
    bundle = await read(log, tenant)
    report = judge(bundle, first)
    assert (report.verdict, report.size, report.checked.log_keys) == ("good", 5, 1)
    told_too_much = (await read(LogReader(app, KEYRING), tenant))["keys.json"]
    assert fault(judge({**bundle, "keys.json": told_too_much}, first)).code == "keys_differ"
