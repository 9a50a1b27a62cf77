"""Which reviews were learned from, and what became of it. In no rebuild: the articles themselves are in the log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from domain.knowledge.lessons import Outcome, Reviewed
from eventstore.database.transaction import TenantTx

PENDING = """
    SELECT r.review_id, r.position, r.review_type, r.findings_count, r.fixes_count, r.disproved_count, r.summary,
           r.completed_at, s.story_id, s.project_id, s.number, s.title AS story_title
      FROM app.review AS r
      JOIN app.story AS s ON s.tenant_id = $1 AND s.story_id = r.story_id
     WHERE r.tenant_id = $1
       AND r.position > coalesce(
           (SELECT l.position FROM app.review_lesson AS l
             WHERE l.tenant_id = $1
             ORDER BY l.position DESC
             LIMIT 1), -1)
     ORDER BY r.position
     LIMIT $2
"""

FINISH = """
    INSERT INTO app.review_lesson (tenant_id, review_id, position, state, drafts, error, finished_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (tenant_id, review_id) DO NOTHING
"""

COUNT_PENDING = """
    SELECT count(*)
      FROM app.review AS r
     WHERE r.tenant_id = $1
       AND r.created_at > $2
       AND r.position > coalesce(
           (SELECT l.position FROM app.review_lesson AS l
             WHERE l.tenant_id = $1
             ORDER BY l.position DESC
             LIMIT 1), -1)
"""

FAILED = """
    SELECT l.review_id, l.state, l.error, l.finished_at, count(*) OVER () AS total
      FROM app.review_lesson AS l
     WHERE l.tenant_id = $1 AND l.state = 'failed'
     ORDER BY l.position DESC
     LIMIT 5
"""

RECENT = """
    SELECT a.article_id, a.title, a.source_id, a.created_at
      FROM app.article AS a
     WHERE a.tenant_id = $1 AND a.status = 'draft' AND a.source_type = 'review_finding'
     ORDER BY a.created_at DESC, a.article_id DESC
     LIMIT 20
"""

PUBLISHED = """
    SELECT count(*) FILTER (WHERE a.status = 'published') AS published,
           count(*) FILTER (WHERE a.status = 'draft') AS drafts
      FROM app.article AS a
     WHERE a.tenant_id = $1 AND a.source_type = 'review_finding' AND a.status IN ('draft', 'published')
"""


class Finished(Struct, frozen=True, kw_only=True):
    """``error`` is a short code."""

    review: Reviewed
    state: Outcome
    drafts: int = 0
    error: str | None = None


class Pipeline(Struct, frozen=True, kw_only=True):
    """How learning from reviews is getting on."""

    pending: int
    drafts: Sequence[Any]
    published_count: int
    draft_count: int
    failed: Sequence[Any]
    failed_count: int

    @property
    def publish_rate(self) -> float:
        """0 when there are none; four places."""
        total = self.published_count + self.draft_count
        return round(self.published_count / total, 4) if total else 0.0


async def pending_reviews(tx: TenantTx, most: int) -> Sequence[Reviewed]:
    """Those after the newest that was learned from, the first first."""
    rows = await tx.fetch(PENDING, tx.tenant_id, most)
    return [Reviewed(**{name: row[name] for name in Reviewed.__struct_fields__}) for row in rows]


async def finish_review(tx: TenantTx, finished: Finished, at: datetime) -> None:
    """Nothing when another process was first."""
    review = finished.review
    await tx.execute(
        FINISH, tx.tenant_id, review.review_id, review.position, finished.state, finished.drafts, finished.error, at
    )


async def pipeline_of(tx: TenantTx, since: datetime) -> Pipeline:
    """``since``: of what is pending, no older reviews."""
    failed, counts = await tx.fetch(FAILED, tx.tenant_id), await tx.fetchrow(PUBLISHED, tx.tenant_id)
    assert counts is not None  # noqa: S101  # an aggregate has one row
    return Pipeline(
        pending=await tx.fetchval(COUNT_PENDING, tx.tenant_id, since), drafts=await tx.fetch(RECENT, tx.tenant_id),
        published_count=counts["published"], draft_count=counts["drafts"], failed=failed,
        failed_count=failed[0]["total"] if failed else 0,
    )  # fmt: skip
