"""What an export of the wiki holds: what is published, and the links between."""

from collections.abc import Sequence
from uuid import UUID

from domain.knowledge.exporting import MOST_EXPORTED, Exported, linked
from eventstore.database.transaction import TenantTx

SIZE = """
    SELECT count(*) AS articles, coalesce(sum(octet_length(a.body)), 0) AS bytes
      FROM app.article AS a
     WHERE a.tenant_id = $1 AND a.status = 'published'
       AND ($2::uuid IS NULL OR a.project_id = $2 OR a.project_id IS NULL)
"""

ARTICLES = """
    SELECT a.article_id, a.title, a.body, a.category, a.tags, a.slug, a.source_type, a.created_at, a.updated_at
      FROM app.article AS a
     WHERE a.tenant_id = $1 AND a.status = 'published'
       AND ($2::uuid IS NULL OR a.project_id = $2 OR a.project_id IS NULL)
     ORDER BY a.category, a.title, a.article_id
     LIMIT $3
"""

LINKS = """
    SELECT l.source_article_id, l.target_article_id, l.relationship_type
      FROM app.article_link AS l
     WHERE l.tenant_id = $1 AND l.source_article_id = ANY ($2::uuid[])
     ORDER BY l.relationship_type, l.source_article_id, l.target_article_id
"""


async def size_of(tx: TenantTx, project_id: UUID | None) -> tuple[int, int]:
    """Articles, and bytes of their texts."""
    row = await tx.fetchrow(SIZE, tx.tenant_id, project_id)
    return (row["articles"], row["bytes"]) if row else (0, 0)


async def exported_articles(tx: TenantTx, project_id: UUID | None) -> Sequence[Exported]:
    """By category and title, with what each is linked with, by the titles."""
    rows = await tx.fetch(ARTICLES, tx.tenant_id, project_id, MOST_EXPORTED)
    links = await tx.fetch(LINKS, tx.tenant_id, [row["article_id"] for row in rows])
    ends = [(row["source_article_id"], row["target_article_id"], row["relationship_type"]) for row in links]
    return linked([Exported(**dict(row)) for row in rows], ends)
