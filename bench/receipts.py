"""What a receipt adds to a write (spec 05, R4), and the processor time of a tile (R14)."""

import asyncio
import sys
import time

import uvloop

from api.log.reading import LogReader
from bench.append import Bench, bench
from bench.notes import entity, note, store
from bench.table import at_most, percentile, tell_machine, told
from eventstore.log.lane import Writer
from loopctl.tlog.tile import Tile, tile_path
from tests.api.asgi import ask, made
from tests.eventstore.growing import KEYRING, grow, opened_log

CALLERS = 16
WRITES = 100
SIZE = 100_000
TILES = 1000


async def measure() -> None:
    async with bench() as on:
        await tell_machine(on.server.admin_url)
        await _receipts(on)
        await _tiles(on)


async def _receipts(on: Bench) -> None:
    tenant = await opened_log(on.database)
    writer, log, added = Writer(store(on.database, 1)), LogReader(on.database, KEYRING), []

    async def call() -> None:
        mine = entity()
        for number in range(WRITES):
            reply = await writer.submit(tenant, note(mine, f"{mine.id}-{number}", reads=False))
            assert reply.position is not None
            began = time.perf_counter()
            await log.receipt(tenant, reply.position)
            added.append(time.perf_counter() - began)

    await asyncio.gather(*(call() for _ in range(CALLERS)))
    added.sort()
    p50, p99 = (percentile(added, share) * 1000 for share in (0.5, 0.99))
    at_most(f"receipt of a write, added p99 in ms, {CALLERS} callers", p99, 50, f"p50 {p50:.1f} ms, signed when needed")


async def _tiles(on: Bench) -> None:
    """Of this process: reading it, and answering it over HTTP (without the socket)."""
    tenant = await opened_log(on.database)
    await grow(on.database, tenant, SIZE)
    log = LogReader(on.database, KEYRING)
    app = made(log_reader=log)
    paths = [tile_path(Tile(0, number % (SIZE // 256))) for number in range(TILES)]
    began = time.process_time()
    for path in paths:
        await log.tile(tenant, path)
    read = (time.process_time() - began) / TILES * 1000
    began = time.process_time()
    for path in paths:
        answer = await ask(app, f"/t/{tenant}/{path}")
        assert answer.status == 200
    whole = (time.process_time() - began) / TILES * 1000
    at_most("processor time of a tile from the database, ms", read, 0.2)
    told("  as a whole request through the application", f"{whole:.2f} ms")


def main(_: list[str]) -> int:
    uvloop.run(measure())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
