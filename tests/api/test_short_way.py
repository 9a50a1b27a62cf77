"""A batch of transitions takes two round trips to the database, and leaves what the general way would."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec import Struct

from api.lease_sweeper import LeaseSweeper
from domain.webhook import EVENT_TYPES
from eventstore.database.transaction import Database, TenantTx
from eventstore.log.lane import Writer
from projections import moves
from projections.inline import PROJECTIONS, TRANSITIONS, Transitions
from projections.rebuild import rebuild
from tests.api.logs import NOON, Service, service
from tests.api.team import CRITERIA, Work, work
from tests.api.work import Client
from tests.support.database import TestDatabase, connected, session
from tests.support.pgbouncer import pgbouncer
from tests.support.trips import Trips, counted

MANY = 30
VERDICT = {"review_type": "team", "summary": "ok"}
REJECTION = {"review_type": "team", "reason": "not yet"}
ARTIFACT = {"artifact": {"artifact_type": "commit_diff", "path": "lib/x.py"}}


class At(Struct, frozen=True):
    """A service at an address."""

    app_url: str


class Counted(Struct):
    """A service whose way to the database is counted, with the number of its batches."""

    running: Service
    trips: Trips
    batches: int = 0

    async def of(self, work: Any) -> tuple[int, int]:
        """Round trips and batches."""
        self.trips.count = self.batches = 0
        await work
        return self.trips.count, self.batches


@asynccontextmanager
async def counting(database: TestDatabase, short: Transitions | None) -> AsyncIterator[Counted]:
    made: list[Counted] = []

    def committed(*_: object) -> None:
        for each in made:
            each.batches += 1

    async def connect(url: str, **more: Any) -> Database:
        return await connected(url, max_size=1, **more)  # what one connection has prepared, all have

    async with (
        counted(database.app_url) as (trips, through),
        service(
            At(through), parts={"short": short, "committed": committed}, connect=connect, remember_seconds=1000.0
        ) as running,
    ):
        made.append(Counted(running, trips))
        yield made[0]


async def done(loop: Work, who: Client, number: str, action: str, body: Any = None) -> None:
    answer = await loop.do(who, number, action, body)
    assert answer.status in (200, 201, 202), answer.body


def steps(loop: Work, title: str) -> list[tuple[Client, str, Any]]:
    """From contract to verified."""
    team = loop.team
    echo = {"story_title": title, "ac_count": len(CRITERIA)}
    return [
        (team.implementer, "contract", echo), (team.implementer, "claim", None), (team.implementer, "start", None),
        (team.implementer, "request-review", None), (team.reviewer, "report", None),
        (team.reviewer, "review-complete", {"review_type": "team"}), (team.orchestrator, "verify", VERDICT),
    ]  # fmt: skip


async def lone(at: Counted) -> dict[str, int]:
    """Round trips of each step of a story, in a process that has done one before."""
    loop = await work(at.running, "1", "2", "3")
    for who, action, body in steps(loop, "Story 1"):
        await done(loop, who, "1", action, body)
    return {
        action: (await at.of(done(loop, who, "2", action, body)))[0] for who, action, body in steps(loop, "Story 2")
    }


async def full(at: Counted) -> dict[str, tuple[int, int]]:
    """Round trips and batches of each step, made with many stories at once; the first ones are for warming up."""
    numbers = [f"{major}.{minor}" for major in (1, 2) for minor in range(MANY)]
    loop = await work(at.running, *numbers, "3")
    found: dict[str, tuple[int, int]] = {}
    for part in (numbers[:MANY], numbers[MANY:]):
        for place, (_, action, _) in enumerate(steps(loop, "")):
            found[action] = await at.of(asyncio.gather(*(one(loop, number, place) for number in part)))
    return found


async def one(loop: Work, number: str, place: int) -> None:
    who, action, body = steps(loop, f"Story {number}")[place]
    await done(loop, who, number, action, body)


async def test_a_lone_transition_takes_two_round_trips_at_most(log_of_module: TestDatabase) -> None:
    async with counting(log_of_module, TRANSITIONS) as at:
        trips = await lone(at)
    assert max(trips.values()) <= 2, trips
    assert trips["start"] == 1  # everything was known


async def test_a_full_batch_takes_two_round_trips_at_most(log_of_module: TestDatabase) -> None:
    async with counting(log_of_module, TRANSITIONS) as at:
        found = await full(at)
    assert all(trips <= 2 * batches and batches < MANY / 2 for trips, batches in found.values()), found


async def test_the_general_way_takes_more(log_of_module: TestDatabase) -> None:
    """The control."""
    async with counting(log_of_module, None) as at:
        trips, many = await lone(at), await full(at)
    assert min(trips.values()) > 3, trips
    assert all(trips > 2 * batches for trips, batches in many.values()), many


class OnlyShort(Transitions):
    """Refuses what does not fit."""

    written: Sequence[str] = ()

    def fits(self, recorded: Any, before: Any) -> bool:
        assert moves.fits(recorded, before) or not any(
            each.stream.kind == "story" and each.version for each in recorded
        )
        return moves.fits(recorded, before)

    async def write(self, database: Database, tenant_id: UUID, moving: Any) -> None:
        await moves.write(database, tenant_id, moving)
        self.written = [*self.written, *(each.event.TAG for each in moving.batch.recorded)]


async def every_transition(running: Service) -> Work:
    """Each event that goes the short way happens at least once; three stories wait for others, and an epic too."""
    loop = await work(running, *(f"1.{number}" for number in range(1, 7)))
    team, ids = loop.team, loop.stories
    second = await team.user.epic(loop.project, 2)
    loop.stories["2.1"] = await team.user.story(second, "2.1")
    for dependent, prerequisite in (("1.2", "1.1"), ("1.3", "1.2"), ("1.3", "1.1")):
        body = {"story_id": ids[dependent], "depends_on_story_id": ids[prerequisite]}
        assert (await team.user.post("/story_dependencies", body)).status == 201
    body = {"epic_id": second, "depends_on_epic_id": loop.epic}
    assert (await team.user.post("/epic_dependencies", body)).status == 201

    await loop.works(team.implementer, "1.1")
    await done(loop, team.reviewer, "1.1", "report", ARTIFACT)
    await done(loop, team.reviewer, "1.1", "review-complete", {"review_type": "team"})
    await loop.verifies("1.1")
    await loop.works(team.implementer, "1.2")
    await loop.reviews(team.reviewer, "1.2")
    await done(loop, team.orchestrator, "1.2", "reject", REJECTION)  # and auto_reset
    for number, who, action in (("1.4", team.implementer, "unclaim"), ("1.5", team.orchestrator, "force-unclaim")):
        await loop.works(team.implementer, number)
        await done(loop, who, number, action, {"reason": "stuck"} if action == "force-unclaim" else None)
    claimed = (await team.other.post("/stories/next/claim", {"project_id": loop.project, "lease_seconds": 60})).json()
    number = claimed["story"]["number"]
    await done(loop, team.other, number, "heartbeat", {"lease_seconds": 600})
    await LeaseSweeper(running.store.database, Writer(running.store).submit).sweep(NOON + timedelta(hours=1))
    for left in ("1.2", "1.3", "1.4", "1.5", "1.6"):
        await loop.works(team.other, left)
        await loop.reviews(team.reviewer, left)
        await loop.verifies(left)  # the last of them completes the epic, which the other one waits for
    await done(loop, team.orchestrator, "1.6", "reject", REJECTION)  # and no longer is it complete
    return loop


async def differing(database: TestDatabase, running: Service, tenant: UUID) -> list[str]:
    """Tables that are not what the general way makes of the log."""
    async with session(database.migrator_url) as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE loopctl_owner")
        await connection.execute("SELECT set_config('app.tenant', $1, true)", str(tenant))
        tx = TenantTx(connection, tenant)  # type: ignore[arg-type]  # a plain connection does as well as a pooled one
        rebuilt = [each for projection in PROJECTIONS for each in await rebuild(tx, running.store.codec, projection)]
    return [each.table for each in rebuilt if not each.was_equal]


async def test_each_transition_leaves_what_the_general_way_would(log_of_module: TestDatabase) -> None:
    only = OnlyShort()
    async with service(log_of_module, parts={"short": only}) as running:
        loop = await every_transition(running)
        assert await differing(log_of_module, running, loop.team.user.tenant) == []
        assert set(only.written) == {event.TAG for event in moves.OF_STORIES | moves.BESIDE}


async def test_a_column_that_is_not_moved_would_be_seen(log_of_module: TestDatabase) -> None:
    """The control."""
    async with service(log_of_module) as running:
        loop = await work(running, "1")
        await loop.works(loop.team.implementer, "1")
        async with running.store.database.tenant_transaction(loop.team.user.tenant) as tx:
            await tx.execute("UPDATE app.story SET touched = false WHERE tenant_id = $1", tx.tenant_id)
        assert await differing(log_of_module, running, loop.team.user.tenant) == ["app.story"]


async def test_a_confirmation_is_not_made_from_what_was_true_before_the_other_wrote(
    log_of_module: TestDatabase,
) -> None:
    """Both know the story as reviewed. One takes the review away; the other must not verify."""
    async with service(log_of_module) as first, service(log_of_module) as second:
        loop = await work(first, "1", "2")
        await loop.works(loop.team.implementer, "1")
        reviewer, orchestrator = [
            Client(second, each.tenant, each.raw) for each in (loop.team.reviewer, loop.team.orchestrator)
        ]
        await loop.reviews(reviewer, "1")
        await done(loop, loop.team.orchestrator, "1", "reject", REJECTION)
        assert (await loop.do(orchestrator, "1", "verify", VERDICT)).status == 409
        assert await loop.status("1") == ("pending", "rejected")


@pytest.mark.pgbouncer
async def test_two_tenants_behind_pgbouncer_each_move_their_own(log_of_module: TestDatabase) -> None:
    with pgbouncer(log_of_module) as url:
        async with service(At(url)) as running:
            loops = [await work(running, "1", "2") for _ in range(2)]
            await asyncio.gather(*(finish(loop, number) for loop in loops for number in ("1", "2")))
            for loop in loops:
                assert await loop.status("2") == ("reported_done", "verified")
                assert await differing(log_of_module, running, loop.team.user.tenant) == []


async def finish(loop: Work, number: str) -> None:
    for who, action, body in steps(loop, f"Story {number}"):
        await done(loop, who, number, action, body)


QUEUED = """
    SELECT d.position - min(d.position) OVER () AS place, d.event_type, d.subject_id = d.webhook_id AS of_webhook,
           count(*) AS webhooks
      FROM app.webhook_delivery AS d
     WHERE d.tenant_id = $1
     GROUP BY d.position, d.event_type, d.subject_id = d.webhook_id
     ORDER BY d.position
"""


async def queued(at: Counted, database: TestDatabase, webhooks: int) -> tuple[dict[str, int], list[Any]]:
    """Round trips of each step, and what was queued for whom."""
    loop = await work(at.running, "1", "2")
    for number in range(webhooks):
        body = {"url": "https://hooks.example.com", "events": [*EVENT_TYPES], "ordered": number > 0}
        assert (await loop.team.user.post("/webhooks", body)).status == 201
    for who, action, body in steps(loop, "Story 1"):
        await done(loop, who, "1", action, body)
    trips = {
        action: (await at.of(done(loop, who, "2", action, body)))[0] for who, action, body in steps(loop, "Story 2")
    }
    async with session(database.admin_url) as connection:
        return trips, [dict(row) for row in await connection.fetch(QUEUED, loop.team.user.tenant)]


async def test_webhooks_cost_no_round_trip_and_both_ways_queue_the_same(log_of_module: TestDatabase) -> None:
    found: list[list[Any]] = []
    for short in (TRANSITIONS, None):
        async with counting(log_of_module, short) as at:
            trips, rows = await queued(at, log_of_module, 10)
        found.append(rows)
        if short:
            assert max(trips.values()) <= 2, trips
    assert found[0] == found[1]
    assert [row["event_type"] for row in found[0]][-8:] == [
        "story.status_changed", "story.status_changed", "story.status_changed", "story.review_requested",
        "story.status_changed", "story.review_completed", "story.verified", "epic.completed",
    ]  # fmt: skip
    assert {row["webhooks"] for row in found[0]} == {10}
