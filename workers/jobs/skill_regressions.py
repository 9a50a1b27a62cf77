"""Looks for versions of skills that cost far more than the ones before them: a part of the look at what was reported
lately (workers/jobs/watch_costs.py)."""

from datetime import datetime
from itertools import pairwise
from uuid import UUID

import msgspec

from domain.skill_costs import Rule, costs_of_versions
from domain.skill_regression import regressed
from domain.tenant_settings import TenantSettings
from eventstore.database.transaction import TenantTx
from projections.queries.skill_costs import version_figures
from projections.rows.job_findings import Found, note_findings
from projections.rows.skill_regressions import SKILL_REGRESSIONS
from workers.scheduler import uuid7

FOUND = "skill_regression"

USED = """
    SELECT DISTINCT v.skill_id
      FROM app.token_usage_report AS r
      JOIN app.skill_version AS v ON v.tenant_id = $1 AND v.version_id = r.skill_version_id
     WHERE r.tenant_id = $1 AND r.created_at >= $2
     ORDER BY v.skill_id
     LIMIT 10000
"""
VERSIONS = """
    SELECT v.version, v.version_id
      FROM app.skill_version AS v
     WHERE v.tenant_id = $1 AND v.skill_id = $2
     ORDER BY v.version
     LIMIT 10000
"""


async def look_at_skills(tx: TenantTx, since: datetime, settings: TenantSettings, tick: datetime) -> None:
    rule = Rule(settings.skill_regression_factor, settings.skill_regression_min_invocations)
    for row in await tx.fetch(USED, tx.tenant_id, since):
        await _look(tx, row["skill_id"], rule, tick)


async def _look(tx: TenantTx, skill_id: UUID, rule: Rule, tick: datetime) -> None:
    costs = costs_of_versions(await version_figures(tx, skill_id), rule)
    pairs = [(now, before) for before, now in pairwise(costs) if now.regressed]
    if not pairs:
        return
    ids = {row["version"]: row["version_id"] for row in await tx.fetch(VERSIONS, tx.tenant_id, skill_id)}
    said = await SKILL_REGRESSIONS.load(tx, [*ids.values()])
    found: list[Found] = []
    for now, before in pairs:
        version_id, news = ids[now.figures.version], regressed(skill_id, now, before)
        if news and (version_id not in said or said[version_id].kind not in ("both", news.kind)):
            found.append(Found(uuid7(tick), version_id, "regression", msgspec.json.encode(news).decode()))
    await note_findings(tx, FOUND, found)
