"""What the lint of the wiki looks at: published articles, of one project with the whole tenant's, or all."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.knowledge.lint import Contradiction
from eventstore.database.transaction import TenantTx

MOST_CONTRADICTIONS = 10_000

COUNTS = """
    SELECT a.category, count(*) AS articles
      FROM app.article AS a
     WHERE a.tenant_id = $1 AND a.status = 'published'
       AND ($2::uuid IS NULL OR a.project_id = $2 OR a.project_id IS NULL)
     GROUP BY a.category
"""

STALE = """
    SELECT a.article_id, a.title, a.updated_at, count(*) OVER () AS total
      FROM app.article AS a
     WHERE a.tenant_id = $1 AND a.status = 'published'
       AND ($2::uuid IS NULL OR a.project_id = $2 OR a.project_id IS NULL)
       AND a.updated_at < $3
     ORDER BY a.updated_at, a.article_id
     LIMIT $4
"""

ORPHANS = """
    SELECT a.article_id, a.title, a.category, count(*) OVER () AS total
      FROM app.article AS a
     WHERE a.tenant_id = $1 AND a.status = 'published'
       AND ($2::uuid IS NULL OR a.project_id = $2 OR a.project_id IS NULL)
       AND NOT EXISTS (
           SELECT FROM app.article_link AS l WHERE l.tenant_id = $1 AND l.source_article_id = a.article_id)
       AND NOT EXISTS (
           SELECT FROM app.article_link AS l WHERE l.tenant_id = $1 AND l.target_article_id = a.article_id)
     ORDER BY a.title, a.article_id
     LIMIT $3
"""

CONTRADICTIONS = """
    SELECT l.link_id, l.source_article_id, l.target_article_id, s.title AS source_title, t.title AS target_title
      FROM app.article_link AS l
      JOIN app.article AS s ON s.tenant_id = $1 AND s.article_id = l.source_article_id AND s.status = 'published'
      JOIN app.article AS t ON t.tenant_id = $1 AND t.article_id = l.target_article_id AND t.status = 'published'
     WHERE l.tenant_id = $1 AND l.relationship_type = 'contradicts'
       AND ($2::uuid IS NULL OR s.project_id = $2 OR s.project_id IS NULL)
       AND ($2::uuid IS NULL OR t.project_id = $2 OR t.project_id IS NULL)
     ORDER BY l.position
     LIMIT $3
"""

BROKEN = """
    SELECT a.article_id, a.title, a.source_type, a.source_id, count(*) OVER () AS total
      FROM app.article AS a
     WHERE a.tenant_id = $1 AND a.status = 'published' AND a.source_type = 'review_finding'
       AND ($2::uuid IS NULL OR a.project_id = $2 OR a.project_id IS NULL)
       AND NOT EXISTS (SELECT FROM app.review AS r WHERE r.tenant_id = $1 AND r.review_id = a.source_id)
     ORDER BY a.title, a.article_id
     LIMIT $3
"""


class Found(Struct, frozen=True):
    """Rows that are shown, and how many there are."""

    rows: Sequence[Any]
    total: int


class Linted(Struct, frozen=True, kw_only=True):
    counts: Mapping[str, int]
    stale: Found
    orphans: Found
    broken: Found
    contradictions: Sequence[Contradiction]
    titles: Mapping[UUID, str]
    """Of the articles in contradictions."""


async def lint_articles(tx: TenantTx, project_id: UUID | None, before: datetime, most: int) -> Linted:
    """``before``: what has not changed since is stale."""
    tenant_id = tx.tenant_id
    counts = await tx.fetch(COUNTS, tenant_id, project_id)
    links = await tx.fetch(CONTRADICTIONS, tenant_id, project_id, MOST_CONTRADICTIONS)
    titles = {row["source_article_id"]: row["source_title"] for row in links}
    titles |= {row["target_article_id"]: row["target_title"] for row in links}
    return Linted(
        counts={row["category"]: row["articles"] for row in counts},
        stale=_found(await tx.fetch(STALE, tenant_id, project_id, before, most)),
        orphans=_found(await tx.fetch(ORPHANS, tenant_id, project_id, most)),
        broken=_found(await tx.fetch(BROKEN, tenant_id, project_id, most)), titles=titles,
        contradictions=[
            Contradiction(row["link_id"], row["source_article_id"], row["target_article_id"]) for row in links
        ],
    )  # fmt: skip


def _found(rows: Sequence[Any]) -> Found:
    return Found(rows, rows[0]["total"] if rows else 0)
