"""The change feed under eight writers with clocks that jump an hour, and four pollers (spec 06, B8).

Then over HTTP: read back while it is written by every way to go on, in pages of 1, 7 and 100.
`make soak ARGS="feed SECONDS SEED ENTRIES"`.
"""

import json
import random
import sys
import time
from uuid import uuid4

import msgspec
import uvloop

from api.http.limits import Limits
from bench.append import bench
from bench.servers import bench_server
from projections.inline import INLINE
from tests.api.logs import service
from tests.eventstore.writing import store
from tests.support.feed_pages import Campaign, Read
from tests.support.feed_race import Race, Seen

SECONDS = 60.0
ENTRIES = 10_000
QUICK = Limits(heartbeat_seconds=0.01, stream_poll_seconds=0.01)


async def campaign(seconds: float, seed: int) -> Seen:
    async with bench() as on:
        tenant = uuid4()
        async with on.database.tenant_transaction(tenant) as tx:
            await tx.execute("SELECT app.open_log($1)", tenant)
        whole = msgspec.structs.replace(store(on.database), projections=INLINE)
        return await Race(whole, tenant, seed).run(writers=8, pollers=4, seconds=seconds, most=10**9)


async def read_back(entries: int, seed: int) -> tuple[int, list[Read]]:
    """The clients that go on by time alone, which are the control, come last."""
    async with bench_server() as server, service(server, limits=QUICK) as on:
        return await Campaign(on, seed).run(entries, "next_since", "cursor", "stream", "chain", "time")


def main(arguments: list[str]) -> int:
    seconds = float(arguments[0]) if arguments else SECONDS
    seed = int(arguments[1]) if len(arguments) > 1 else random.SystemRandom().randrange(2**32)
    entries = int(arguments[2]) if len(arguments) > 2 else ENTRIES
    return max(by_clocks(seconds, seed), by_pages(entries, seed))


def by_clocks(seconds: float, seed: int) -> int:
    began = time.perf_counter()
    seen = uvloop.run(campaign(seconds, seed))
    missed = seen.missed_by_time()
    report = {
        "bar": "B8", "n": seen.size, "failures": seen.wrong(), "seed": seed,
        "seconds": round(time.perf_counter() - began, 1),
        "control": {"time_cursor_missed": missed, "share": round(missed / max(seen.size, 1), 3)},
    }  # fmt: skip
    print(json.dumps(report))
    return 1 if seen.wrong() or not missed else 0


def by_pages(entries: int, seed: int) -> int:
    began = time.perf_counter()
    size, reads = uvloop.run(read_back(entries, seed))
    wrong = {f"{each.way}, pages of {each.page}": each.wrong(size) for each in reads}
    failures = {name: count for name, count in wrong.items() if count and not name.startswith("time")}
    control = {name: count for name, count in wrong.items() if name.startswith("time")}
    report = {
        "feed": "read back while it is written", "n": size, "readers": len(reads) - len(control), "failures": failures,
        "seed": seed, "seconds": round(time.perf_counter() - began, 1), "control": control,
    }  # fmt: skip
    print(json.dumps(report))
    return 1 if failures or not any(control.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
