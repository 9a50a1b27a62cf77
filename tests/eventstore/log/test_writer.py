"""Group commit: what is acknowledged is in the log, once, in order, whoever else writes."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from eventstore.database.transaction import Database, TenantTx
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.log.command import Change, Command, Known, Refusal, Reply
from eventstore.log.lane import Writer
from loopctl.tlog.entry import decode_entry
from loopctl.tlog.hashing import NO_LEAF, leaf_hash
from loopctl.tlog.tree import EMPTY, append_leaves
from projections.facts.taken import ProjectSlug
from tests.eventstore.writing import CODEC, new_project, store


async def stored(app: Database, tenant: UUID) -> list[bytes]:
    """The log's entries, after checking chain, tree and head."""
    async with app.tenant_transaction(tenant) as tx:
        rows = await tx.fetch(
            "SELECT position, entry, leaf_hash FROM app.log_entry WHERE tenant_id = $1 ORDER BY 1", tenant
        )
        head = await tx.fetchrow("SELECT * FROM app.log_head WHERE tenant_id = $1", tenant)
    assert [row["position"] for row in rows] == list(range(len(rows)))
    assert [row["leaf_hash"] for row in rows] == [leaf_hash(row["entry"]) for row in rows]
    assert [decode_entry(row["entry"]).prev for row in rows] == [NO_LEAF, *(row["leaf_hash"] for row in rows)][
        : len(rows)
    ]
    tree = append_leaves(EMPTY, [row["leaf_hash"] for row in rows]).frontier
    assert head is not None
    assert (head["size"], head["frontier"]) == (len(rows), tree.data())
    return [row["entry"] for row in rows]


async def test_a_lone_command_is_in_the_log_and_in_its_read_model_when_it_is_answered(
    app: Database, tenant: UUID
) -> None:
    reply = await Writer(store(app)).submit(tenant, new_project("one"))
    (entry,) = await stored(app, tenant)
    assert (reply.status, reply.position) == (201, 0)
    assert CODEC.decode(entry).event.slug == "one"  # type: ignore[attr-defined]  # a ProjectCreated
    async with app.tenant_transaction(tenant) as tx:
        assert await tx.fetchval("SELECT slug FROM app.project WHERE tenant_id = $1", tenant) == "one"


async def test_many_at_once_get_positions_without_gap_and_each_its_own_answer(app: Database, tenant: UUID) -> None:
    writer = Writer(store(app))
    replies = await asyncio.gather(*(writer.submit(tenant, new_project(f"p{number}")) for number in range(700)))
    assert sorted(reply.position or 0 for reply in replies) == list(range(700))
    assert len(await stored(app, tenant)) == 700


async def test_two_processes_writing_the_same_tenant_lose_and_double_nothing(app: Database, tenant: UUID) -> None:
    writers = [Writer(store(app)) for _ in range(3)]
    commands = [(writers[number % 3], new_project(f"p{number}")) for number in range(90)]
    replies = await asyncio.gather(*(writer.submit(tenant, command) for writer, command in commands))
    assert sorted(reply.position or 0 for reply in replies) == list(range(90))
    assert len(await stored(app, tenant)) == 90


async def test_commands_in_one_batch_see_what_those_before_them_decided(app: Database, tenant: UUID) -> None:
    writer = Writer(store(app))
    replies = await asyncio.gather(*(writer.submit(tenant, new_project("same")) for _ in range(20)))
    assert sorted(reply.status for reply in replies) == [201] + [422] * 19
    assert len(await stored(app, tenant)) == 1


async def test_a_limit_is_not_passed_by_two_processes(app: Database, tenant: UUID) -> None:
    writers = [Writer(store(app)), Writer(store(app))]
    commands = [(writers[number % 2], new_project(f"p{number}", most=5)) for number in range(40)]
    replies = await asyncio.gather(*(writer.submit(tenant, command) for writer, command in commands))
    assert [reply.status for reply in replies].count(201) == 5
    assert len(await stored(app, tenant)) == 5


async def test_a_poisonous_command_fails_alone(app: Database, tenant: UUID) -> None:
    def poison(_: object) -> list[object]:
        raise ZeroDivisionError

    writer = Writer(store(app))
    bad = Command(
        origin=new_project("x").origin, needs=(), streams=(), decide=poison,  # type: ignore[arg-type]  # on purpose
        answer=new_project("x").answer,
    )  # fmt: skip
    outcomes = await asyncio.gather(
        *(writer.submit(tenant, command) for command in (new_project("before"), bad, new_project("after"))),
        return_exceptions=True,
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["Reply", "ZeroDivisionError", "Reply"]
    assert len(await stored(app, tenant)) == 2


@pytest.mark.parametrize("aside", [True, False])
async def test_what_takes_long_is_decided_beside_the_loop_and_all_else_in_it(
    app: Database, tenant: UUID, aside: bool
) -> None:
    good, threads = new_project("one"), list[int]()

    def decide(known: Known) -> Any:
        threads.append(threading.get_ident())
        return good.decide(known)

    reply = await Writer(store(app)).submit(tenant, msgspec.structs.replace(good, decide=decide, aside=aside))
    assert reply.status == 201
    assert len(await stored(app, tenant)) == 1
    assert (threading.get_ident() not in threads) is aside


async def test_an_event_in_a_stream_of_another_kind_is_not_recorded(app: Database, tenant: UUID) -> None:
    """docs/events.md says where each event happens."""
    good = new_project("one")

    def decide(known: Known) -> list[Change]:
        decided = good.decide(known)
        assert not isinstance(decided, Refusal)
        return [Change(msgspec.structs.replace(each.stream, kind="epic"), each.event) for each in decided]

    elsewhere = msgspec.structs.replace(good, decide=decide)
    with pytest.raises(ValueError, match=r"project\.created does not happen in streams of kind epic"):
        await Writer(store(app)).submit(tenant, elsewhere)
    assert await stored(app, tenant) == []


async def test_a_command_that_breaks_the_transaction_fails_alone(app: Database, tenant: UUID) -> None:
    async def broken(_: object) -> None:
        raise asyncpg.CheckViolationError

    writer = Writer(store(app))
    bad = msgspec.structs.replace(new_project("bad"), beside=broken)
    outcomes = await asyncio.gather(
        *(writer.submit(tenant, command) for command in (new_project("before"), bad, new_project("after"))),
        return_exceptions=True,
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["Reply", "CheckViolationError", "Reply"]
    assert len(await stored(app, tenant)) == 2


async def test_the_same_key_and_request_gets_the_same_answer_from_any_process(app: Database, tenant: UUID) -> None:
    first = await Writer(store(app)).submit(tenant, new_project("one", "key"))
    again = await Writer(store(app)).submit(tenant, new_project("one", "key"))
    assert (again.status, again.body, again.replayed) == (first.status, first.body, True)
    assert len(await stored(app, tenant)) == 1


async def test_the_same_key_twice_in_one_batch_is_done_once(app: Database, tenant: UUID) -> None:
    writer = Writer(store(app))
    replies = await asyncio.gather(*(writer.submit(tenant, new_project("one", "key")) for _ in range(10)))
    assert len({reply.body for reply in replies}) == 1
    assert len(await stored(app, tenant)) == 1


async def test_the_same_key_with_another_request_is_refused(app: Database, tenant: UUID) -> None:
    writer = Writer(store(app))
    await writer.submit(tenant, new_project("one", "key"))
    with pytest.raises(Exception, match="was used for another request"):
        await writer.submit(tenant, new_project("two", "key"))


async def test_a_cancelled_caller_finds_out_by_its_key(app: Database, tenant: UUID) -> None:
    writer = Writer(store(app))
    asked = asyncio.create_task(writer.submit(tenant, new_project("one", "key")))
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    await writer.finish()
    again = await writer.submit(tenant, new_project("one", "key"))
    assert (again.status, again.replayed) == (201, True)
    assert len(await stored(app, tenant)) == 1


class SlowSlugs(ProjectSlug):
    """Looks until somebody else has written, or for two seconds where nobody can."""

    def __init__(self) -> None:
        self.written = asyncio.Event()

    async def load(self, tx: TenantTx, keys: Sequence[Any]) -> Mapping[Any, Any]:
        found = await super().load(tx, keys)
        self.written.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self.written.wait()
        return found


async def beside_a_busy_writer(app: Database, tenant: UUID) -> Reply:
    """What a slow writer is answered while another one appends without a pause."""
    slugs = SlowSlugs()
    plain = msgspec.structs.replace(store(app), committed=lambda *_: slugs.written.set())
    slow = msgspec.structs.replace(plain, models={**plain.models, "project_slug": slugs})

    async def write_on() -> None:
        writer = Writer(plain)
        for number in count():
            await writer.submit(tenant, new_project(f"busy-{number}"))

    busy = asyncio.create_task(write_on())
    try:
        return await Writer(slow).submit(tenant, new_project("slow"))
    finally:
        busy.cancel()
        await asyncio.wait({busy})


async def test_a_slow_writer_gets_its_turn_beside_a_busy_one(app: Database, tenant: UUID) -> None:
    assert (await beside_a_busy_writer(app, tenant)).status == 201


async def test_without_holding_the_head_the_slow_writer_never_comes_first(
    app: Database, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr("eventstore.log.lane.TRIES_BEFORE_HOLDING", 1000)
    with pytest.raises(DatabaseUnavailable):
        await beside_a_busy_writer(app, tenant)
