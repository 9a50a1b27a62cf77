"""An import of 10,000 stories with dependencies (spec 07, section 3), against COPY of the same bytes in the same run.

Two limits: COPY of the payload as it came in, a story a row, into one table; and COPY of what the import leaves behind,
its log entries and the rows of every read model as text, a row a row, into one table too. Ours: the request through
the whole application in this process, from body to answer, committed.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import asyncpg
import msgspec
import uvloop

from bench.table import at_most
from eventstore.gc_pauses import collector_settled
from migrations.roles import bootstrap
from migrations.runner import migrate
from tests.api.logs import Service, service, tenant_with_key
from tests.api.transferring import exported, new_project, send
from tests.support.backlog import backlog
from tests.support.cluster import own_postgres
from tests.support.database import PASSWORDS, TestDatabase, created_database

REPETITIONS = 5
EPICS, STORIES = 200, 10_000
LIMIT_TABLE = "CREATE TABLE public.limit_row (id uuid PRIMARY KEY, body bytea NOT NULL)"
WRITTEN = (
    "SELECT entry FROM app.log_entry",
    "SELECT convert_to(t::text, 'UTF8') FROM app.epic t",
    "SELECT convert_to(t::text, 'UTF8') FROM app.epic_progress t",
    "SELECT convert_to(t::text, 'UTF8') FROM app.story t",
    "SELECT convert_to(t::text, 'UTF8') FROM app.story_text t",
    "SELECT convert_to(t::text, 'UTF8') FROM app.story_dependency t",
    "SELECT convert_to(t::text, 'UTF8') FROM app.epic_dependency t",
    "SELECT convert_to(t::text, 'UTF8') FROM app.work_queue t",
)


async def longest_wait() -> float:
    """Seconds by which somebody who wants the loop every two milliseconds came too late at most, until cancelled."""
    longest, every = 0.0, 0.002
    with suppress(asyncio.CancelledError):
        while True:
            began = time.perf_counter()
            await asyncio.sleep(every)
            longest = max(longest, time.perf_counter() - began - every)
    return longest


class Bench:
    def __init__(self, running: Service, database: TestDatabase) -> None:
        self._running = running
        self._admin_url = database.admin_url
        self._body = backlog(EPICS, STORIES)

    async def imported(self) -> tuple[float, float, float]:
        """Seconds of an import into an empty project of a new tenant, of the longest time for which it kept the loop
        to itself, and of the export after it."""
        app = self._running.app
        _, raw = await tenant_with_key(self._running.store)
        project = await new_project(app, raw)
        began = time.perf_counter()
        waiting = asyncio.create_task(longest_wait())
        answer = await send(app, raw, project, self._body)
        seconds = time.perf_counter() - began
        waiting.cancel()
        kept = await waiting
        assert answer.status == 201, answer.body
        began = time.perf_counter()
        await exported(app, raw, project)
        return seconds, kept, time.perf_counter() - began

    async def copied(self, rows: Iterable[bytes]) -> float:
        """Seconds of a COPY of these rows into an empty table, committed."""
        connection = await asyncpg.connect(self._admin_url)
        await connection.execute("TRUNCATE public.limit_row")
        records = [(uuid4(), row) for row in rows]
        began = time.perf_counter()
        await connection.copy_records_to_table("limit_row", schema_name="public", records=records)
        seconds = time.perf_counter() - began
        await connection.close()
        return seconds

    def payload_rows(self) -> list[bytes]:
        return [msgspec.json.encode(story) for epic in self._body["epics"] for story in epic["stories"]]

    async def written_rows(self) -> list[bytes]:
        """After one import: everything that is there is of it."""
        connection = await asyncpg.connect(self._admin_url)
        found = [row[0] for statement in WRITTEN for row in await connection.fetch(statement)]
        await connection.close()
        return found


async def measure(url: str) -> None:
    async with created_database(url) as database:
        await bootstrap(database.admin_url, PASSWORDS)
        await migrate(database.migrator_url)
        connection = await asyncpg.connect(database.admin_url)
        await connection.execute(LIMIT_TABLE)
        await connection.close()
        collector_settled()  # as the API does
        async with service(database) as running:
            await report(Bench(running, database))


async def report(on: Bench) -> None:
    await on.imported()
    written = await on.written_rows()
    payload = on.payload_rows()
    seconds = [(*await on.imported(), await on.copied(payload), await on.copied(written)) for _ in range(REPETITIONS)]
    ours, kept, out, of_payload, of_written = (statistics.median(column) for column in zip(*seconds, strict=True))
    worst = max(row[0] for row in seconds)
    at_most(f"import of {STORIES:,} stories, s", ours, 3, f"worst {worst:.2f} s; export {out:.2f} s")
    at_most("  longest that nobody else had the loop, ms", kept * 1e3, 100)
    for name, rows, limit in (("the payload", payload, of_payload), ("what it leaves", written, of_written)):
        size = sum(map(len, rows)) / 1e6
        at_most(f"  / COPY of {name}", ours / limit, 5, f"{len(rows):,} rows, {size:.1f} MB: {limit:.2f} s")


def main(_: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="loopctl-bench-") as folder, own_postgres(Path(folder) / "data") as url:
        uvloop.run(measure(url))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
