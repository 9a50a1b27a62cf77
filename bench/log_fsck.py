"""Fsck of the stored log: how long the newest 10,000 entries take (05 R9 allows 60 s), and all of a log, as a share of
reading the same rows through one cursor and hashing them.
"""

import argparse
import asyncio
import time
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from eventstore.database.transaction import Database
from eventstore.fsck.check import LogCheck, Wanted, check_log
from migrations.roles import bootstrap
from migrations.runner import migrate
from tests.eventstore.fsck.logs import sign
from tests.eventstore.growing import grow, opened_log
from tests.support.cluster import own_postgres
from tests.support.database import PASSWORDS, created_database

HEAD_EVERY = 10_000
NEWEST = 10_000
PAGE = "SELECT entry FROM app.log_entry WHERE tenant_id = $1 AND position >= $2 AND position < $3 ORDER BY position"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench log_fsck", description=__doc__)
    parser.add_argument("--size", type=int, default=100_000)
    size = parser.parse_args(arguments).size
    with TemporaryDirectory(prefix="loopctl-bench-") as folder, own_postgres(Path(folder)) as url:
        asyncio.run(_measure(url, size))


async def _measure(url: str, size: int) -> None:
    async with created_database(url) as made:
        await bootstrap(made.admin_url, PASSWORDS)
        await migrate(made.migrator_url)
        app = await Database.connect(made.app_url, role="loopctl_app", max_size=2)
        try:
            await _compare(app, size)
        finally:
            await app.close()


async def _compare(app: Database, size: int) -> None:
    tenant = await opened_log(app)
    for _head in range(size // HEAD_EVERY):
        await grow(app, tenant, HEAD_EVERY)
        await sign(app, tenant)
    limit = await _read_and_hash(app, tenant, size)
    newest, _found = await _timed(app, tenant, Wanted(newest=NEWEST))
    whole, found = await _timed(app, tenant, Wanted())
    assert found.complete
    assert found.verdict == "good"
    print(f"{'newest ' + format(NEWEST, ','):24} {newest:8.2f} s, of the 60 s that are allowed")
    print(f"{'all of ' + format(size, ','):24} {whole:8.2f} s, {size / whole:,.0f} entries/s")
    share = f"fsck reaches {limit / whole:.0%} of it"
    print(f"{'reading and hashing':24} {limit:8.2f} s, {size / limit:,.0f} entries/s: {share}")


async def _timed(app: Database, tenant: UUID, wanted: Wanted) -> tuple[float, LogCheck]:
    began = time.perf_counter()
    found = await check_log(app.tenant_transaction, tenant, wanted)
    return time.perf_counter() - began, found


async def _read_and_hash(app: Database, tenant: UUID, size: int) -> float:
    began = time.perf_counter()
    async with app.tenant_transaction(tenant) as tx:
        for first in range(0, size, 1024):
            for row in await tx.fetch(PAGE, tenant, first, first + 1024):
                sha256(b"\x00" + row["entry"]).digest()
    return time.perf_counter() - began


if __name__ == "__main__":
    main([])
