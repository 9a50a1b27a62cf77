"""Custody over HTTP: every mutating route of the OpenAPI document, in any order, by all callers of three tenants.

After each request the state of all stories is read from the database and compared with that before. So it is found, not
told, which routes can confirm a story; `bench.custody_model` says whether this one might. Tenants change every setting
of custody on the way, and callers say of heads what is true, what is not, or nothing. `make soak
ARGS="custody_http 100000 SEED"`.
"""

import random
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import asyncpg
import uvloop

from bench.custody import bulk_without_gate
from bench.custody_controls import (
    backfilled_by_nobody,
    capabilities_of_others,
    keys_in_another_name,
    keys_outlive_dispatches,
    lineage_forgotten,
    orchestrators_of_any_type,
)
from bench.custody_http_controls import halts_answer_for_all, halts_unheeded, heads_unheard
from bench.custody_http_machine import JUDGING, HttpMachine, Report
from bench.custody_model import Bypass
from bench.servers import bench_server
from config.logs import configure
from tests.api.logs import service
from tests.api.superadmins import superadmin


class Server(Protocol):
    """A migrated database that tests or benchmarks have."""

    @property
    def admin_url(self) -> str: ...
    @property
    def app_url(self) -> str: ...


async def campaign(server: Server, steps: int, seed: int) -> Report:
    """Raises Bypass."""
    outside = await asyncpg.connect(server.admin_url, timeout=5, command_timeout=10)
    try:
        _, root = await superadmin(server)
        async with service(server) as served:
            await outside.execute("TRUNCATE app.story")  # of an earlier campaign in the same database
            return await HttpMachine(served, outside, root, seed).run(steps)
    finally:
        await outside.close()


async def _run(steps: int, seed: int) -> int:
    began = time.monotonic()
    async with bench_server() as server:
        try:
            report = await campaign(server, steps, seed)
        except Bypass as bypass:
            print(f"seed {seed}: BYPASS: {bypass}")
            return 1
        print(f"seed {seed}: {report.steps} requests in {time.monotonic() - began:.0f} s, 0 bypasses")
        print(f"  confirmed by: {report.verifications}")
        print(f"  halts of custody: {dict(report.halts)}")
        print("  said of heads: " + ", ".join(f"{kind} {code}: {n}" for (kind, code), n in sorted(report.said.items())))
        print(f"  routes after which a verified_status was another: {dict(sorted(report.changed_by.items()))}")
        print("  answers: " + ", ".join(f"{name} {code}: {n}" for (name, code), n in sorted(report.statuses.items())))
        idle = JUDGING - report.changed_by.keys()
        print(f"  of the routes that may, these never did: {', '.join(sorted(idle)) or 'none'}")
        found = {name: await _control(server, seed, control) for name, control in CONTROLS.items()}
    for name, red in found.items():
        print(f"control ({name}): {red or 'GREEN: the machine proves nothing'}")
    return 0 if all(found.values()) and not idle else 1


CONTROLS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "no gate in the bulk path": bulk_without_gate,
    "keys in another's name": keys_in_another_name,
    "a backfill by nobody": backfilled_by_nobody,
    "orchestrators' keys for any agent": orchestrators_of_any_type,
    "lineage counts for nothing": lineage_forgotten,
    "capabilities of others": capabilities_of_others,
    "revocations that leave the keys below": keys_outlive_dispatches,
    "claims of heads that nobody looks at": heads_unheard,
    "halts that nothing heeds": halts_unheeded,
    "a halt that answers for what was done before it": halts_answer_for_all,
}


async def _control(server: Server, seed: int, control: Callable[[], AbstractContextManager[None]]) -> str:
    with control():
        try:
            await campaign(server, 20_000, seed)
        except Bypass as bypass:
            return f"red, as it must be: {bypass}"
    return ""


def main(arguments: list[str]) -> int:
    configure("bench", "error")  # of clients that claim what is not so, the log says so each time
    steps = int(arguments[0]) if arguments else 100_000
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    return uvloop.run(_run(steps, seed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
