"""The change feed under eight writers with clocks that jump an hour, and four pollers (spec 06, B8): `make soak`."""

import json
import random
import sys
import time
from uuid import uuid4

import msgspec
import uvloop

from bench.append import bench
from projections.inline import INLINE
from tests.eventstore.writing import store
from tests.support.feed_race import Race, Seen

SECONDS = 60.0


async def campaign(seconds: float, seed: int) -> Seen:
    async with bench() as on:
        tenant = uuid4()
        async with on.database.tenant_transaction(tenant) as tx:
            await tx.execute("SELECT app.open_log($1)", tenant)
        whole = msgspec.structs.replace(store(on.database), projections=INLINE)
        return await Race(whole, tenant, seed).run(writers=8, pollers=4, seconds=seconds, most=10**9)


def main(arguments: list[str]) -> int:
    seconds = float(arguments[0]) if arguments else SECONDS
    seed = int(arguments[1]) if len(arguments) > 1 else random.SystemRandom().randrange(2**32)
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
