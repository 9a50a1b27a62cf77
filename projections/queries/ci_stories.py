"""Stories of a project by number, with what a CI asks of them: where custody stands, and the newest evidence."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from eventstore.database.transaction import TenantTx

BY_NUMBER = """
    SELECT s.story_id, s.number, s.title, s.agent_status, s.verified_status, e.evidence_id, e.status AS evidence_status,
           e.source, e.commit_sha
      FROM app.story AS s
      LEFT JOIN LATERAL (
           SELECT f.evidence_id, f.status, f.source, f.commit_sha
             FROM app.evidence AS f
            WHERE f.tenant_id = $1 AND f.story_id = s.story_id
            ORDER BY f.position DESC
            LIMIT 1) AS e ON true
     WHERE s.tenant_id = $1 AND s.project_id = $2 AND s.number = ANY ($3::text[])
     ORDER BY s.major, s.minor
     LIMIT $4
"""


async def stories_by_number(tx: TenantTx, project_id: UUID, numbers: Sequence[str]) -> Sequence[Any]:
    return await tx.fetch(BY_NUMBER, tx.tenant_id, project_id, list(numbers), len(numbers))
