"""Looks every few minutes at stories that wait to be confirmed, for figures of work that was not done (spec 02,
sections 12 and 17.5).

What is found becomes an event by a process of the API (api/found_by_jobs.py); nothing is refused.
"""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from domain.tenant_settings import read_settings
from domain.usage.behaviour import Observed, flags_of
from eventstore.database.tenants import each_tenant
from eventstore.database.transaction import TenantTx
from projections.queries.efforts import efforts_of_waiting
from projections.rows.job_findings import Found, note_findings
from projections.rows.story_flags import STORY_FLAGS
from workers.actors import Actor, Job, Outcome, Tools
from workers.jobs.watch_costs import FIRST_LOOK, FIVE_MINUTES, LONGEST_SECONDS, OVERLAP, SETTINGS
from workers.leased_rows import Lease
from workers.scheduled_run import complete_run, tick_of
from workers.scheduler import uuid7

FOUND = "behaviour"

HOLD = """
    INSERT INTO app.cost_watch AS w (tenant_id)
    VALUES ($1)
        ON CONFLICT (tenant_id) DO UPDATE
       SET behaviour_at = w.behaviour_at
 RETURNING behaviour_at
"""
LOOKED_AT = "UPDATE app.cost_watch SET behaviour_at = $2 WHERE tenant_id = $1"


async def look_at_stories(tools: Tools, tick: datetime) -> None:
    """Each tenant is one transaction, with how far the job has come."""
    async for tenant in each_tenant(tools.database):
        if tenant.status == "active":
            async with tools.database.tenant_transaction(tenant.id) as tx:
                await _look(tx, tick)


async def _look(tx: TenantTx, tick: datetime) -> None:
    looked: datetime | None = await tx.fetchval(HOLD, tx.tenant_id)
    if looked is not None and looked >= tick:
        return
    settings = read_settings(await tx.fetchval(SETTINGS, tx.tenant_id))
    since = tick - FIRST_LOOK if looked is None else looked - OVERLAP
    worked = await efforts_of_waiting(tx, since, tick - timedelta(hours=settings.sanity_review_hours))
    before = await STORY_FLAGS.load(tx, [each.story_id for each in worked])
    found: list[Found] = []
    for each in worked:
        lazy, flags = flags_of(each.effort, each.course, settings, tick)
        said = before.get(each.story_id)
        if not flags or (said is not None and said.iteration == each.iteration and set(flags) <= set(said.flags)):
            continue
        observed = Observed(
            story_id=each.story_id, iteration=each.iteration, lazy_score=lazy.score, lazy_factors=lazy.factors,
            flags=flags,
        )  # fmt: skip
        found.append(Found(uuid7(tick), each.story_id, "flags", msgspec.json.encode(observed).decode()))
    await note_findings(tx, FOUND, found)
    await tx.execute(LOOKED_AT, tx.tenant_id, tick)


async def watch_behaviour(tools: Tools, run_id: UUID) -> Outcome:
    async def work(tools: Tools, _: Lease) -> None:
        await look_at_stories(tools, await tick_of(tools, run_id))

    return await complete_run(tools, run_id, work)


ACTOR = Actor("watch_behaviour", watch_behaviour, time_limit_seconds=LONGEST_SECONDS)
JOB = Job("watch_behaviour", every_seconds=FIVE_MINUTES, actor=ACTOR)
