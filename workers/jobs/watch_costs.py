"""Looks for stories that cost far more or less than others (spec 02, sections 5.1, 10.6 and 17.2): once a day at the
day before, and every few minutes at what was reported lately.

Each tenant is one transaction, which notes what was found and how far the job has come, so that a day is looked at
once whoever dies in between. What is found becomes an event by a process of the API (api/found_by_jobs.py).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec

from domain.tenant_settings import TenantSettings, read_settings
from domain.usage.anomaly import Measured
from eventstore.database.tenants import each_tenant
from eventstore.database.transaction import TenantTx
from projections.queries.unusual_costs import beyond_budget, underreported, unusual_in_all, unusual_of_day
from projections.rows.job_findings import Found, note_findings
from workers.actors import Actor, Job, Outcome, Tools
from workers.jobs.skill_regressions import look_at_skills
from workers.leased_rows import Lease
from workers.scheduled_run import complete_run, tick_of
from workers.scheduler import uuid7

DAY_SECONDS = 86_400
FIVE_PAST_TWO = 2 * 3600 + 300
FIVE_MINUTES = 300
LONGEST_SECONDS = 900.0

FOUND = "cost_anomaly"
"""What the findings are called."""

MOST_DAYS = 7
"""That are made up for after an outage."""
OVERLAP = timedelta(minutes=10)
"""Reports are looked for by their time, and the clocks of those who write it differ."""
FIRST_LOOK = timedelta(days=1)

SETTINGS = "SELECT settings FROM app.tenant WHERE tenant_id = $1"
HOLD = """
    INSERT INTO app.cost_watch AS w (tenant_id)
    VALUES ($1)
        ON CONFLICT (tenant_id) DO UPDATE
       SET days_through = w.days_through
 RETURNING days_through, looked_at
"""
DAYS_THROUGH = "UPDATE app.cost_watch SET days_through = $2 WHERE tenant_id = $1"
LOOKED_AT = "UPDATE app.cost_watch SET looked_at = $2 WHERE tenant_id = $1"
STILL_THERE = """
    SELECT a.story_id, a.anomaly_type, a.baseline
      FROM app.cost_anomaly AS a
     WHERE a.tenant_id = $1 AND NOT a.resolved AND a.story_id = ANY ($2::uuid[])
     ORDER BY a.position
     LIMIT 100000
"""


async def look_at_days(tools: Tools, tick: datetime) -> None:
    """At the day before ``tick``, and at those before it that were missed."""
    last = (tick - timedelta(days=1)).date()
    async for tenant in each_tenant(tools.database):
        if tenant.status == "active":
            async with tools.database.tenant_transaction(tenant.id) as tx:
                await _look_at_days(tx, last, tick)


async def _look_at_days(tx: TenantTx, last: date, tick: datetime) -> None:
    through: date | None = (await _held(tx))["days_through"]
    if through is not None and through >= last:
        return
    first = last if through is None else max(through + timedelta(days=1), last - timedelta(days=MOST_DAYS - 1))
    settings = await _settings(tx)
    for number in range((last - first).days + 1 if settings.cost_anomaly_daily else 0):
        day = datetime.combine(first + timedelta(days=number), time(), UTC)
        await _note(tx, await unusual_of_day(tx, day, settings), tick)
    await tx.execute(DAYS_THROUGH, tx.tenant_id, last)


async def look_at_reports(tools: Tools, tick: datetime) -> None:
    """At stories with a report since the last look, and at those with an anomaly."""
    async for tenant in each_tenant(tools.database):
        if tenant.status == "active":
            async with tools.database.tenant_transaction(tenant.id) as tx:
                await _look_at_reports(tx, tick)


async def _look_at_reports(tx: TenantTx, tick: datetime) -> None:
    looked: datetime | None = (await _held(tx))["looked_at"]
    if looked is not None and looked >= tick:
        return
    since = tick - FIRST_LOOK if looked is None else looked - OVERLAP
    settings = await _settings(tx)
    await look_at_skills(tx, since, settings, tick)
    found = [
        *await unusual_in_all(tx, since, settings), *await beyond_budget(tx, since),
        *await underreported(tx, since, settings),
    ]  # fmt: skip
    stories = list({each.story_id for each in found})
    there = {tuple(row.values()) for row in await tx.fetch(STILL_THERE, tx.tenant_id, stories)}
    news = [
        each for each in found if not each.in_range or (each.story_id, each.anomaly_type, each.baseline) in there
    ]  # fmt: skip
    await _note(tx, news, tick)
    await tx.execute(LOOKED_AT, tx.tenant_id, tick)


async def _held(tx: TenantTx) -> Any:
    """How far it has come with the tenant, whose row is locked until the transaction ends."""
    return await tx.fetchrow(HOLD, tx.tenant_id)


async def _settings(tx: TenantTx) -> TenantSettings:
    return read_settings(await tx.fetchval(SETTINGS, tx.tenant_id))


async def _note(tx: TenantTx, measured: Sequence[Measured], tick: datetime) -> None:
    found = [
        Found(
            uuid7(tick), each.story_id, f"{each.anomaly_type} {each.baseline} {each.period or ''}".strip(),
            msgspec.json.encode(each).decode(),
        )
        for each in measured
    ]  # fmt: skip
    await note_findings(tx, FOUND, found)


async def detect_cost_anomalies(tools: Tools, run_id: UUID) -> Outcome:
    async def work(tools: Tools, _: Lease) -> None:
        await look_at_days(tools, await tick_of(tools, run_id))

    return await complete_run(tools, run_id, work)


async def watch_costs(tools: Tools, run_id: UUID) -> Outcome:
    async def work(tools: Tools, _: Lease) -> None:
        await look_at_reports(tools, await tick_of(tools, run_id))

    return await complete_run(tools, run_id, work)


DAILY = Actor("detect_cost_anomalies", detect_cost_anomalies, time_limit_seconds=LONGEST_SECONDS)
ROLLING = Actor("watch_costs", watch_costs, time_limit_seconds=LONGEST_SECONDS)
DAILY_JOB = Job("detect_cost_anomalies", every_seconds=DAY_SECONDS, actor=DAILY, offset_seconds=FIVE_PAST_TWO)
ROLLING_JOB = Job("watch_costs", every_seconds=FIVE_MINUTES, actor=ROLLING)
