"""How long it takes to find out which of 100,000 logs have news, and a commit to reach a follower.

One round is what the worker does without any wake-up, once a second or less often: it never takes more than a tenth of
the time. Against L: one bare look at every head and every place, as a superuser, in one statement.
"""

import asyncio
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGINT
from typing import NamedTuple

import asyncpg

from eventstore.database.transaction import Database
from eventstore.following.news import FIRST, find_news
from migrations.roles import RolePasswords, bootstrap, with_role
from migrations.runner import migrate
from supervisor.data_directory import DataDirectory
from supervisor.postgres import EmbeddedPostgres
from tests.support.guarded import guarded

LOGS = 100_000
PASSWORDS = RolePasswords(*(secrets.token_urlsafe(12) for _ in range(5)))

MAKE_HEADS = """
    INSERT INTO app.log_head (tenant_id, size, last_leaf, frontier)
    SELECT gen_random_uuid(), 1023, decode(repeat('ab', 32), 'hex'), decode(repeat('ab', 320), 'hex')
      FROM generate_series(1, $1)
"""
MAKE_PLACES = """
    INSERT INTO app.follower (tenant_id, name, next_position)
    SELECT tenant_id, name, 1023 FROM app.log_head CROSS JOIN unnest($1::text[]) AS n (name)
"""
BARE = """
    SELECT count(*)
      FROM app.log_head AS h
      JOIN app.follower AS f ON f.tenant_id = h.tenant_id
     WHERE f.next_position <> h.size
"""
FALL_BEHIND = "UPDATE app.follower SET next_position = 1000 WHERE random() < $1"


class Round(NamedTuple):
    """Milliseconds."""

    whole: float
    page_p50: float
    page_max: float
    found: int


async def one_round(database: Database, names: list[str]) -> Round:
    after, pages, found = FIRST, list[float](), 0
    while True:
        began = time.perf_counter()
        async with database.system_transaction() as tx:
            news, last = await find_news(tx, names, after)
        pages.append((time.perf_counter() - began) * 1000)
        found += len(news)
        if last is None:
            return Round(sum(pages), statistics.median(pages), max(pages), found)
        after = last


async def measure() -> None:
    async with _servers() as (admin, database):
        names = ["tree_heads", "costs"]
        await admin.execute(MAKE_HEADS, LOGS)
        await admin.execute(MAKE_PLACES, names)
        await admin.execute("VACUUM ANALYZE app.log_head, app.follower")
        for share in (0.0, 0.01, 1.0):
            await admin.execute(FALL_BEHIND, share)
            began = time.perf_counter()
            await admin.fetchval(BARE)
            bare = (time.perf_counter() - began) * 1000
            rounds = [await one_round(database, names) for _ in range(5)]
            best = min(rounds)
            print(
                f"{LOGS} logs, {share:4.0%} behind: round {best.whole:6.0f} ms = {best.whole / bare:4.1f} L,"
                f" page of 2000 p50 {best.page_p50:5.1f} ms, longest {max(r.page_max for r in rounds):5.1f} ms,"
                f" found {best.found}"
            )


@asynccontextmanager
async def _servers() -> AsyncIterator[tuple["asyncpg.Connection[asyncpg.Record]", Database]]:
    with tempfile.TemporaryDirectory(prefix="loopctl-bench-") as folder:
        data = DataDirectory(Path(folder))
        with data.taken():
            postgres = EmbeddedPostgres(data)
            await asyncio.to_thread(postgres.prepare)
            process = guarded(
                await asyncio.create_subprocess_exec(
                    *postgres.command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
                )
            )
            try:
                await postgres.wait_until_ready()
                await bootstrap(postgres.admin_url, PASSWORDS)
                await migrate(with_role(postgres.admin_url, "loopctl_migrator", PASSWORDS.migrator))
                url = with_role(postgres.admin_url, "loopctl_worker", PASSWORDS.worker)
                database = await Database.connect(url, role="loopctl_worker")
                admin = await asyncpg.connect(postgres.admin_url)
                yield admin, database
                await admin.close()
                await database.close()
            finally:
                process.send_signal(SIGINT)
                await process.wait()


def main(_: list[str]) -> None:
    asyncio.run(measure())


if __name__ == "__main__":
    main(sys.argv[1:])
