"""What the versions of a skill were used for, and what that took: sums over the reports that name them."""

from collections.abc import Sequence
from uuid import UUID

from domain.skill_costs import VersionFigures
from eventstore.database.transaction import TenantTx

# A correction that names no version belongs to that of the report that it corrects.
FIGURES = """
    SELECT v.version, count(*) FILTER (WHERE r.corrects_report_id IS NULL) AS invocations,
           count(*) FILTER (WHERE r.corrects_report_id IS NULL AND r.cost_source <> 'unpriced') AS priced,
           sum(r.cost_millicents)::bigint AS cost,
           sum(r.input_tokens + r.cache_read_tokens + r.cache_write_tokens + r.output_tokens)::bigint AS tokens,
           count(DISTINCT r.story_id) FILTER (WHERE s.verified_status = 'verified') AS verified,
           count(DISTINCT r.story_id) FILTER (WHERE s.verified_status = 'rejected') AS rejected
      FROM app.skill_version AS v
      JOIN app.token_usage_report AS r
        ON r.tenant_id = $1
       AND r.deleted_at IS NULL
       AND (r.skill_version_id = v.version_id
            OR (r.skill_version_id IS NULL AND r.corrects_report_id IN (
                   SELECT o.report_id
                     FROM app.token_usage_report AS o
                    WHERE o.tenant_id = $1 AND o.skill_version_id = v.version_id AND o.deleted_at IS NULL)))
      LEFT JOIN app.story AS s ON s.tenant_id = $1 AND s.story_id = r.story_id
     WHERE v.tenant_id = $1 AND v.skill_id = $2
     GROUP BY v.version
    HAVING count(*) FILTER (WHERE r.corrects_report_id IS NULL) > 0
     ORDER BY v.version
     LIMIT $3
"""

MOST_VERSIONS = 10_000


async def version_figures(tx: TenantTx, skill_id: UUID) -> Sequence[VersionFigures]:
    """Of the versions that reports name, by their numbers."""
    rows = await tx.fetch(FIGURES, tx.tenant_id, skill_id, MOST_VERSIONS)
    return [
        VersionFigures(
            version=row["version"], invocations=row["invocations"], priced=row["priced"], cost_millicents=row["cost"],
            tokens=row["tokens"], verified=row["verified"], rejected=row["rejected"],
        )
        for row in rows
    ]  # fmt: skip
