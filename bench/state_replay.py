"""A log of real work, its digests on the way, and its export replayed elsewhere into empty read models (05, R17).

`make soak ARGS="state_replay 100000"`. The controls: in each read model that has rows one is altered by hand, and must
be named with its table and key; and a digest taken of altered rows must not be what the export comes to.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol
from uuid import UUID

import asyncpg
import uvloop
from msgspec import Struct

from api.log.export import export_bundle
from api.log.reading import LogReader
from api.state_digests import ACTOR, StateDigests, digest_now, recording
from bench.servers import bench_server
from domain.events import EVENTS
from eventstore.database.owning import owner_rehearsal
from eventstore.log.codec import Codec
from eventstore.log.lane import Writer
from loopctl.audit.expected import Expected
from operations.replay_export import replay_export
from projections.inline import PROJECTIONS
from projections.state_check import StateChecked, check_state
from tests.api.logs import KEYRING, NOON, Service, service
from tests.api.team import Work, work

AT_ONCE = 32
PER_STORY = 9
"""Entries, with its making."""

ALTER = {
    "app.tenant": "UPDATE app.tenant SET name = name || '!' WHERE {} RETURNING tenant_id::text",
    "app.agent": "UPDATE app.agent SET name = name || '!' WHERE {} RETURNING agent_id::text",
    "app.project": "UPDATE app.project SET name = name || '!' WHERE {} RETURNING project_id::text",
    "app.epic": "UPDATE app.epic SET title = title || '!' WHERE {} RETURNING epic_id::text",
    "app.epic_progress": "UPDATE app.epic_progress SET hours = hours + 1 WHERE {} RETURNING epic_id::text",
    "app.story": "UPDATE app.story SET title = title || '!' WHERE {} RETURNING story_id::text",
    "app.story_text": "UPDATE app.story_text SET description = '!' WHERE {} RETURNING story_id::text",
    "app.review": "DELETE FROM app.review WHERE {} RETURNING review_id::text",
    "app.verification": "DELETE FROM app.verification WHERE {} RETURNING verification_id::text",
    "app.audit_index": "UPDATE app.audit_index SET action = action || '!' WHERE {} RETURNING position::text",
}
"""``{}`` becomes one row of the tenant."""


class NotNoticed(Exception):
    """A replay did not come to what it should have, or came to what it should not have."""


class Server(Protocol):
    @property
    def app_url(self) -> str: ...
    @property
    def migrator_url(self) -> str: ...
    @property
    def admin_url(self) -> str: ...


class Outcome(Struct, frozen=True):
    events: int
    digests: int
    altered: int
    digest_seconds: float
    """Of the last one."""
    replay_seconds: float


async def prove(here: Server, there: Server, events: int, changes: Mapping[str, str] = ALTER) -> Outcome:
    """Raises NotNoticed."""
    async with service(here) as running:
        loop = await _worked(running, events)
        tenant = loop.team.user.tenant
        began = time.monotonic()
        digest = await digest_now(running.store.database, tenant)
        digest_seconds = time.monotonic() - began
        await Writer(running.store).submit(tenant, recording(tenant, digest, ACTOR, NOON, asked=True))
        began = time.monotonic()
        found = await _replayed(running, there, tenant)
        replay_seconds = time.monotonic() - began
        _need(found.is_good and not _unknown(found), f"a replay of {found.size} entries came to something else")
        altered = await _alter_each(here, tenant, changes)
        await Writer(running.store).submit(
            tenant, recording(tenant, await digest_now(running.store.database, tenant), ACTOR, NOON, asked=True)
        )
        lying = await _replayed(running, there, tenant)
        tables = {each.table for each in lying.digests if each.verdict == "other"}
        _need(tables == set(altered), f"altered {sorted(altered)}, and found {sorted(tables)}")
        sizes = {each.size for each in found.digests}
        return Outcome(found.size, len(sizes), len(altered), digest_seconds, replay_seconds)


async def _worked(running: Service, events: int) -> Work:
    """Stories from their making to their verification, and a digest whenever one is due."""
    loop = await work(running, "1.1")
    digests, submit = StateDigests(running.store.database), Writer(running.store).submit
    for first in range(2, events // PER_STORY + 2, AT_ONCE):
        numbers = [f"{number // 1000 + 1}.{number % 1000 + 1}" for number in range(first, first + AT_ONCE)]
        await asyncio.gather(*(_story(loop, number) for number in numbers))
        await digests.look(loop.team.user.tenant, submit, NOON)
    return loop


async def _story(loop: Work, number: str) -> None:
    loop.stories[number] = await loop.team.user.story(loop.epic, number, estimated_hours="1.50")
    await loop.works(loop.team.implementer, number)
    await loop.reviews(loop.team.reviewer, number)
    await loop.verifies(number)


async def _replayed(running: Service, there: Server, tenant: UUID) -> StateChecked:
    reader = LogReader(running.store.database, KEYRING, None)
    with tempfile.TemporaryDirectory(prefix="loopctl-bench-") as folder:
        file = Path(folder, "log.tar")
        blocks = [block async for block in export_bundle(reader, tenant)]
        await asyncio.to_thread(file.write_bytes, b"".join(blocks))
        return await replay_export(there.migrator_url, file, Expected(), set())


async def _alter_each(here: Server, tenant: UUID, changes: Mapping[str, str]) -> Sequence[str]:
    """The tables, each of which has one altered row that was found."""
    connection = await asyncpg.connect(here.admin_url)
    try:
        altered = {}
        for table, change in changes.items():
            one = f"ctid = (SELECT ctid FROM {table} WHERE tenant_id = $1 LIMIT 1)"  # noqa: S608  # names of our own
            altered[table] = await connection.fetchval(change.format(one), tenant)
    finally:
        await connection.close()
    async with owner_rehearsal(here.migrator_url, tenant) as tx:
        found = await check_state(tx, Codec(EVENTS), PROJECTIONS)
    named = {each.table: each.keys for each in found.live if not each.was_equal}
    wanted = {table: (key,) for table, key in altered.items()}
    _need(named == wanted, f"altered {wanted}, and found {named}")
    return list(altered)


def _unknown(found: StateChecked) -> list[str]:
    return [each.table for each in found.digests if each.verdict == "unknown"]


def _need(right: bool, otherwise: str) -> None:
    if not right:
        raise NotNoticed(otherwise)


async def _campaign(events: int) -> None:
    async with bench_server() as here, bench_server() as there:
        outcome = await prove(here, there, events)
    print(
        f"{outcome.events:,} entries with {outcome.digests} digests, of which an export replayed elsewhere came to each"
        f" in {outcome.replay_seconds:.1f} s; {outcome.altered} altered rows named. The last digest took"
        f" {outcome.digest_seconds:.2f} s"
    )


def main(arguments: list[str]) -> int:
    uvloop.run(_campaign(int(arguments[0]) if arguments else 100_000))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
