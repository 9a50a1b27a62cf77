"""Append against the stock recorder of the `eventsourcing` package in the same run (spec 07, section 2).

Its PostgreSQL application recorder in its safe mode (the table is locked, so that followers miss nothing), 8 threads,
one event of the same bytes a call. `message-db` is not measured: its functions are not part of any package here.
"""

import asyncio
import importlib.util
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import uvloop

from bench.append import APPEND, Bench, bench
from bench.limits import ROW_BYTES
from bench.table import at_least, median, tell_machine

THREADS = 8
SECONDS = 3.0
REPETITIONS = 3


async def measure() -> None:
    async with bench() as on:
        await tell_machine(on.server.admin_url)
        ours, theirs = [], []
        for _ in range(REPETITIONS):
            ours.append((await on.rate(APPEND)).rate)
            theirs.append(await asyncio.to_thread(recorder_rate, on))
        beside = f"{median(ours):,.0f} / {median(theirs):,.0f} per s"
        at_least("append, 64 callers / stock recorder, 8 threads", median(ours) / median(theirs), 8, beside)


def recorder_rate(on: Bench) -> float:
    """Events a second."""
    from eventsourcing.persistence import StoredEvent  # noqa: PLC0415  # only there when the package is
    from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore  # noqa: PLC0415  # as above

    parts = urlsplit(on.server.admin_url)
    datastore = PostgresDatastore(
        dbname=parts.path[1:], host=parse_qs(parts.query)["host"][0], port=5432, user=parts.username or "",
        password=parts.password or "", pool_size=THREADS,
    )  # fmt: skip
    recorder = PostgresApplicationRecorder(datastore, events_table_name="stock_events")
    recorder.create_table()
    counts, stop = [0] * THREADS, threading.Event()

    def write(thread: int) -> None:
        stream, state = uuid4(), bytes(ROW_BYTES)
        while not stop.is_set():
            recorder.insert_events([StoredEvent(stream, counts[thread], "note", state)])
            counts[thread] += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(THREADS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    time.sleep(SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    rate = sum(counts) / (time.perf_counter() - began)
    datastore.close()
    return rate


def main(_: list[str]) -> int:
    if importlib.util.find_spec("eventsourcing") is None or importlib.util.find_spec("psycopg") is None:
        print("  left out: the packages eventsourcing and psycopg are not installed")
        return 0
    uvloop.run(measure())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
