"""A worker process with a follower that writes down every position it takes in, into a table of the test's."""

import asyncio
import os
from collections.abc import Sequence
from functools import partial

from config.loader import load_settings
from config.logs import configure
from domain.event import Recorded
from eventstore.database.transaction import TenantTx
from eventstore.following.follow import Follower
from tests.support.database import session
from workers.main import WorkerProgram, run

CARELESS = "TEST_CARELESS"
"""Commits its effects before its place: what must not be done."""

MAKE_TABLE = """
    SET LOCAL ROLE loopctl_owner;
    CREATE TABLE app.taken_in (tenant_id uuid, id uuid DEFAULT gen_random_uuid(), position bigint NOT NULL,
        PRIMARY KEY (tenant_id, id));
    GRANT SELECT, INSERT ON app.taken_in TO loopctl_worker;
    CALL app.secure_tenant_table('app.taken_in');
"""

TAKE_IN = "INSERT INTO app.taken_in (tenant_id, position) SELECT $1, unnest($2::bigint[])"  # no value in it

PAUSE_SECONDS, CARELESS_PAUSE_SECONDS = 0.05, 0.5
"""Between effects and place: long enough to be killed in, and without transaction almost sure to be."""


async def collect(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    await tx.execute(TAKE_IN, tx.tenant_id, [each.position for each in recorded])
    await asyncio.sleep(PAUSE_SECONDS)


async def collect_carelessly(tx: TenantTx, recorded: Sequence[Recorded], *, url: str) -> None:
    async with session(url) as connection, connection.transaction():
        await connection.execute(f"SET LOCAL app.tenant = '{tx.tenant_id}'")
        await connection.execute(TAKE_IN, tx.tenant_id, [each.position for each in recorded])
    await asyncio.sleep(CARELESS_PAUSE_SECONDS)


def main() -> None:
    loaded = load_settings()
    configure("worker", loaded.settings.log_level)
    careless = partial(collect_carelessly, url=loaded.settings.database_url or "")
    follower = Follower("collector", careless if os.environ.get(CARELESS) else collect)
    run(loaded.settings, loaded.warnings, None, WorkerProgram(followers=(follower,)))


if __name__ == "__main__":
    main()
