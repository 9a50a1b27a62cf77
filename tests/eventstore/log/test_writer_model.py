"""Any history of commands, from several processes on several tenants, with crashes anywhere in the append.

Nothing acknowledged is lost, nothing is there twice, positions have no gap, chain and tree check, and the read model
is what the log says. The oracle is another event store, in memory: it takes what the log holds, in the log's order and
under the condition that nobody has the slug yet, and it explains every refusal.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from msgspec import Struct

from domain.event import Recorded
from eventstore.database.transaction import Database, DatabaseUnavailable, TenantTx
from eventstore.log.command import Reply
from eventstore.log.lane import Store, Writer
from loopctl.tlog.entry import decode_entry
from loopctl.tlog.hashing import NO_LEAF, leaf_hash
from loopctl.tlog.tree import EMPTY, append_leaves
from projections.facts.taken import ProjectSlug
from tests.eventstore.writing import CODEC, new_project, store
from tests.support.database import TestDatabase
from tests.support.dcb import DCBAppendCondition, DCBEvent, DCBQuery, DCBQueryItem, InMemoryDCBRecorder

END_SESSION = "SELECT pg_terminate_backend(pg_backend_pid())"

Fault = str
"""none, or where the process dies: before_append, after_append, after_projections, after_commit."""

FAULTS = st.sampled_from(["none", "none", "before_append", "after_append", "after_projections", "after_commit"])


class Wish(Struct, frozen=True):
    tenant: int
    writer: int
    key: str
    cancelled: bool


WISHES = st.lists(
    st.builds(
        Wish,
        tenant=st.integers(0, 1),
        writer=st.integers(0, 1),
        key=st.sampled_from([f"key-{number}" for number in range(30)]),
        cancelled=st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


SLUGS = 20
"""Fewer than keys, so that some are asked for twice and refused."""


def slug_of(key: str) -> str:
    return f"slug-{int(key.removeprefix('key-')) % SLUGS}"


def holders(slug: str) -> DCBQuery:
    return DCBQuery([DCBQueryItem(types=["project.created"], tags=[slug])])


class LosesItsAnswer(Database):
    """Commits, and the connection is gone before anybody hears of it."""

    machine: "AnyHistory"

    async def run_to_end(self, tenant_id: UUID, work: Callable[[TenantTx], Awaitable[Any]]) -> Any:
        result = await super().run_to_end(tenant_id, work)
        if self.machine.dies("after_commit"):
            raise DatabaseUnavailable("lost", outcome_unknown=True)
        return result


class AnyHistory(RuleBasedStateMachine):
    url: ClassVar[str]
    forgetful: ClassVar[bool] = False
    """The control: no idempotency keys, so that a retry does everything again."""
    slugs: ClassVar[type[ProjectSlug]] = ProjectSlug
    deaths: ClassVar[list[Fault]] = []
    refusals: ClassVar[list[str]] = []

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.fault: Fault = "none"
        self.tenants = [uuid4(), uuid4()]
        self.acknowledged: dict[tuple[int, str], bytes] = {}
        self.refused: set[tuple[int, str]] = set()
        self.oracles = [InMemoryDCBRecorder() for _ in self.tenants]
        self.database = self.run(self.connect())
        self.writers = [Writer(self.store()) for _ in range(2)]

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def dies(self, here: Fault) -> bool:
        """Once for each burst."""
        if self.fault != here:
            return False
        self.fault = "none"
        self.deaths.append(here)
        return True

    async def connect(self) -> Database:
        database = await LosesItsAnswer.connect(self.url, role="loopctl_app", max_size=4)
        database.machine = self
        for tenant in self.tenants:
            async with database.tenant_transaction(tenant) as tx:
                await tx.execute("SELECT app.open_log($1)", tenant)
        return database

    def store(self) -> Store:
        plain = store(self.database)
        rest = list(plain.models.values())[1:]
        first: Any = EndsSession(self, self.slugs())
        models = {model.name: model for model in (first, *rest)}
        projections = [self.sabotage("after_append"), *plain.projections, self.sabotage("after_projections")]
        return msgspec.structs.replace(plain, models=models, projections=projections)

    def sabotage(self, here: Fault) -> Callable[[TenantTx, Sequence[Recorded]], Awaitable[None]]:
        async def end_session(tx: TenantTx, _: Sequence[Recorded]) -> None:
            if self.dies(here):
                await tx.execute(END_SESSION)

        return end_session

    @rule(wishes=WISHES, fault=FAULTS)
    def burst(self, wishes: list[Wish], fault: Fault) -> None:
        self.fault = fault
        replies = self.run(self.all_at_once(wishes))
        self.fault = "none"
        for wish, reply in zip(wishes, replies, strict=True):
            # An unknown outcome, and a caller that left, are resolved as clients do it: the same again.
            answer = reply if isinstance(reply, Reply) else self.run(self.submit(wish))
            assert isinstance(answer, Reply)
            if answer.status == 201:
                known = self.acknowledged.setdefault((wish.tenant, wish.key), answer.body)
                assert known == answer.body, "one key, two answers"
            else:
                self.refused.add((wish.tenant, wish.key))
                self.refusals.append(wish.key)
        assert not self.refused & self.acknowledged.keys(), "one key, two answers"

    async def all_at_once(self, wishes: Sequence[Wish]) -> list[Reply | BaseException]:
        tasks = [asyncio.create_task(self.submit(wish)) for wish in wishes]
        await asyncio.sleep(0)
        for task, wish in zip(tasks, wishes, strict=True):
            if wish.cancelled:
                task.cancel()
        replies = await asyncio.gather(*tasks, return_exceptions=True)
        for writer in self.writers:
            await writer.finish()
        unexpected = [
            each for each in replies if isinstance(each, Exception) and not isinstance(each, DatabaseUnavailable)
        ]
        assert unexpected == [], unexpected
        return replies

    async def submit(self, wish: Wish) -> Reply:
        command = new_project(f"slug-{uuid4().hex}") if self.forgetful else new_project(slug_of(wish.key), wish.key)
        return await self.writers[wish.writer].submit(self.tenants[wish.tenant], command)

    @invariant()
    def the_log_is_whole_and_says_what_was_acknowledged(self) -> None:
        if not hasattr(self, "writers"):
            return
        for number, tenant in enumerate(self.tenants):
            entries, head, projects = self.run(self.stored(tenant))
            leaves = [leaf_hash(entry) for entry in entries]
            assert [decode_entry(entry).prev for entry in entries] == [NO_LEAF, *leaves][: len(entries)]
            assert (head["size"], head["frontier"]) == (len(entries), append_leaves(EMPTY, leaves).frontier.data())
            ids = [str(CODEC.decode(entry).stream.id).encode() for entry in entries]
            assert len(set(ids)) == len(ids) == len(projects)
            assert set(ids) == {str(project).encode() for project in projects}
            assert {body for (which, _), body in self.acknowledged.items() if which == number} == set(ids)
            self.the_oracle_agrees(number, entries)

    def the_oracle_agrees(self, number: int, entries: Sequence[bytes]) -> None:
        """Its positions count from 1."""
        oracle = self.oracles[number]
        known = oracle.read().head or 0
        for entry in map(decode_entry, entries[known:]):
            assert entry.data is not msgspec.UNSET
            slug = msgspec.json.decode(entry.data)["slug"]
            event = DCBEvent(entry.type, bytes(entry.data), [slug])
            assert oracle.append([event], DCBAppendCondition(holders(slug))) == entry.seq + 1
        assert (oracle.read().head or 0) == len(entries)
        for tenant, key in self.refused:
            assert tenant != number or list(oracle.read(holders(slug_of(key)))), "refused for no reason"

    async def stored(self, tenant: UUID) -> tuple[list[bytes], Any, list[UUID]]:
        async with self.database.tenant_transaction(tenant) as tx:
            rows = await tx.fetch("SELECT entry FROM app.log_entry WHERE tenant_id = $1 ORDER BY position", tenant)
            head = await tx.fetchrow("SELECT size, frontier FROM app.log_head WHERE tenant_id = $1", tenant)
            projects = await tx.fetch("SELECT project_id FROM app.project WHERE tenant_id = $1", tenant)
        return [row["entry"] for row in rows], head, [row["project_id"] for row in projects]

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.run(self.database.close())
        if hasattr(self, "runner"):
            self.runner.close()


class EndsSession:
    """A model that dies while it is being asked, before anything is written."""

    def __init__(self, machine: AnyHistory, real: Any) -> None:
        self._machine = machine
        self._real = real
        self.name = real.name

    async def load(self, tx: TenantTx, keys: Sequence[Any]) -> Any:
        if self._machine.dies("before_append"):
            await tx.execute(END_SESSION)
        return await self._real.load(tx, keys)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def histories(url: str, *, forgetful: bool = False) -> type[AnyHistory]:
    return type("Histories", (AnyHistory,), {"url": url, "forgetful": forgetful, "deaths": [], "refusals": []})


def check(machine: type[AnyHistory], examples: int) -> None:
    given = settings(
        max_examples=examples, stateful_step_count=10, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), print_blob=False, phases=[Phase.generate],
        report_multiple_bugs=False,
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=given)


@pytest.mark.slow
def test_any_history_keeps_the_log_whole(log_database: TestDatabase) -> None:
    machine = histories(log_database.app_url)
    check(machine, 10)
    assert set(machine.deaths) == {"before_append", "after_append", "after_projections", "after_commit"}
    assert machine.refusals


class EverySlugTaken(ProjectSlug):
    """Somebody has every slug."""

    async def load(self, _: TenantTx, keys: Sequence[Any]) -> Mapping[Any, UUID | None]:
        return dict.fromkeys(keys, UUID(int=1))


@pytest.mark.slow
def test_a_writer_that_refuses_without_a_reason_is_found_by_the_oracle(log_database: TestDatabase) -> None:
    """The control."""
    machine = histories(log_database.app_url)
    machine.slugs = EverySlugTaken
    with pytest.raises(AssertionError, match="refused for no reason"):
        check(machine, 10)


@pytest.mark.slow
def test_without_idempotency_keys_the_same_histories_do_things_twice(log_database: TestDatabase) -> None:
    """The control."""
    with pytest.raises(AssertionError):
        check(histories(log_database.app_url, forgetful=True), 10)
