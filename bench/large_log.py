"""A log of 10^6 entries: proofs against a primary-key select, appends against those of a small log, replay, export."""

import asyncio
import itertools
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import uvloop

from api.log.export import export_bundle
from api.log.reading import LogReader
from bench.append import Bench, Shape, bench
from bench.notes import Noted, entity, note, store
from bench.table import at_least, at_most, median, percentile, tell_machine, told
from eventstore.database.transaction import TenantTx
from eventstore.heads.tree import consistency_proof, inclusion_proof
from eventstore.log.codec import Codec
from eventstore.log.lane import Writer
from eventstore.log.read import replay
from tests.eventstore.growing import KEYRING, Counting, Ticked, grow, opened_log

SIZE = 1_000_000
SELECT = "SELECT leaf_hash FROM app.log_entry WHERE tenant_id = $1 AND position = $2"
PROOFS = 2000
ALONE = Shape(1, 1, 300)
MANY = Shape(64, 1, 12_000)
REPETITIONS = 3

Question = Callable[[TenantTx], Awaitable[object]]


async def measure(size: int) -> None:
    async with bench() as on:
        await tell_machine(on.server.admin_url)
        small, large = await opened_log(on.database), await opened_log(on.database)
        await grow(on.database, small, 1000)
        began = time.perf_counter()
        await grow(on.database, large, size)
        told(f"a log of {size:,} entries", f"made in {time.perf_counter() - began:.0f} s, 5,000 a transaction")
        await _proofs(on, large, size)
        await _proofs_beside_appends(on, large, size)
        await _rates(on, small, large)
        await _replay(on, large)
        await _export(on, large)


async def _proofs(on: Bench, tenant: UUID, size: int) -> None:
    chance = random.Random(1)
    questions: dict[str, Callable[[], Question]] = {
        "select": lambda: _select(tenant, chance.randrange(size)),
        "inclusion": lambda: _inclusion(chance.randrange(size), size),
        "consistency": lambda: _consistency(chance.randrange(1, size), size),
    }
    seconds: dict[str, list[float]] = {name: [] for name in questions}
    for _ in range(REPETITIONS):
        for name, question in questions.items():
            seconds[name] += await _asked(on, tenant, [question() for _ in range(PROOFS)])
    places = {name: [percentile(sorted(each), share) * 1000 for share in (0.5, 0.99)] for name, each in seconds.items()}
    told("one primary-key select in its transaction", "p50 {:.2f} ms, p99 {:.2f} ms".format(*places["select"]))
    for name in ("inclusion", "consistency"):
        p50, p99 = places[name]
        at_most(f"{name} proof, p99 / that select's", p99 / places["select"][1], 10, f"p50 {p50:.2f}, p99 {p99:.2f} ms")
        at_most("  its p50, ms", p50, 3)
        at_most("  its p99, ms", p99, 10)
    async with on.database.tenant_transaction(tenant) as tx:
        counting = Counting(tx)
        await inclusion_proof(counting.tx, size // 3, size)
        at_most("  SQL statements of a proof", counting.statements, 1)


async def _asked(on: Bench, tenant: UUID, questions: Sequence[Question]) -> list[float]:
    seconds = []
    for question in questions:
        began = time.perf_counter()
        async with on.database.tenant_transaction(tenant) as tx:
            await question(tx)
        seconds.append(time.perf_counter() - began)
    return seconds


def _select(tenant: UUID, position: int) -> Question:
    return lambda tx: tx.fetchval(SELECT, tenant, position)


def _inclusion(index: int, size: int) -> Question:
    return lambda tx: inclusion_proof(tx, index, size)


def _consistency(old: int, new: int) -> Question:
    return lambda tx: consistency_proof(tx, old, new)


async def _proofs_beside_appends(on: Bench, tenant: UUID, size: int) -> None:
    """200 proofs asked for at once in the process that appends, again and again; at most 4 connections serve them."""
    chance = random.Random(2)
    few = asyncio.Semaphore(4)

    async def one() -> None:
        async with few, on.database.tenant_transaction(tenant) as tx:
            await inclusion_proof(tx, chance.randrange(size), size)

    alone: list[float] = []
    beside: list[float] = []
    for _ in range(REPETITIONS):
        alone += await _appends(on, tenant, lambda number: number < 300)
        burst: asyncio.Future[list[None]] = asyncio.gather(*(one() for _ in range(200)))
        beside += await _appends(on, tenant, _until(burst))
        await burst
    alone.sort()
    beside.sort()
    at_most(
        "slowest append beside 200 proofs / slowest append alone", beside[-1] / alone[-1], 2,
        f"{beside[-1] * 1000:.1f} / {alone[-1] * 1000:.1f} ms; medians {median(beside) / median(alone):.1f} x",
    )  # fmt: skip


def _until(burst: asyncio.Future[list[None]]) -> Callable[[int], bool]:
    return lambda _: not burst.done()


async def _appends(on: Bench, tenant: UUID, again: Callable[[int], bool]) -> list[float]:
    writer, mine = Writer(store(on.database, 1)), entity()
    seconds: list[float] = []
    for number in itertools.count():
        if not again(number):
            return seconds
        began = time.perf_counter()
        await writer.submit(tenant, note(mine, f"{mine.id}-{number}", reads=False))
        seconds.append(time.perf_counter() - began)
    return seconds


async def _rates(on: Bench, small: UUID, large: UUID) -> None:
    for name, shape in (("64 callers", MANY), ("one caller", ALONE)):
        before, after = [], []
        for _ in range(REPETITIONS):
            before.append((await on.rate(shape, [small])).rate)
            after.append((await on.rate(shape, [large])).rate)
        at_least(f"append rate at 10^6 / at 10^3, {name}", median(after) / median(before), 0.9)


async def _replay(on: Bench, tenant: UUID) -> None:
    """Read, decode, fold."""
    codec, rates = Codec([Ticked, Noted]), []
    for _ in range(REPETITIONS):
        began, folded = time.perf_counter(), 0
        async with on.database.tenant_transaction(tenant) as tx:
            async for page in replay(tx, codec):
                folded += len(page)
        rates.append(folded / (time.perf_counter() - began))
    at_least("replay into a folded state, thousand events/s", median(rates) / 1000, 200)


async def _export(on: Bench, tenant: UUID) -> None:
    log, written = LogReader(on.database, KEYRING), 0
    began = time.perf_counter()
    async for block in export_bundle(log, tenant):
        written += len(block)
    seconds = time.perf_counter() - began
    size = (await log.whole_head(tenant)).size
    told("export as a bundle", f"{size / seconds:,.0f} entries/s, {written / seconds / 1e6:.0f} MB/s")


def main(arguments: list[str]) -> int:
    uvloop.run(measure(int(arguments[0]) if arguments else SIZE))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
