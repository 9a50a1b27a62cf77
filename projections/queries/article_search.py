"""Finding articles by their words, the index of what is published, and what stands around an article."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.knowledge.article import Article
from domain.knowledge.events import Category
from eventstore.database.transaction import TenantTx
from projections.rows.articles import ARTICLES

MOST_RANKED = 1000
"""Of more articles that match, those that changed last: a word that stands in all of them says nothing of any."""
LONGEST_SNIPPET = 300
MOST_INDEXED = 1000
MOST_LINKED = 5
LOOKED_THROUGH = 20_000
"""Characters of a text that a snippet may come from."""

KEYWORD = """
    SELECT found.article_id, found.score, found.total, a.title, a.category, a.tags, a.updated_at,
           CASE WHEN $10::boolean THEN ts_headline(
               'pg_catalog.english', left(a.body, 20000), websearch_to_tsquery('pg_catalog.english', $2),
               'StartSel=**, StopSel=**, MinWords=15, MaxWords=35') END AS snippet
      FROM (SELECT *
              FROM app.search_articles($1, $2, $3, $4, $5, $6, $7, $8::integer + $9::integer)
             LIMIT $8::integer OFFSET $9::integer) AS found
      JOIN app.article AS a ON a.tenant_id = $1 AND a.article_id = found.article_id
     ORDER BY found.score DESC, a.updated_at DESC, a.article_id
"""

# How much of a question stands in these articles: any of its words, not all, and the less the longer the text is.
OVERLAPS = """
    SELECT s.article_id, ts_rank(s.words, asked.query, 1) AS score
      FROM (SELECT replace(websearch_to_tsquery('pg_catalog.english', $2)::text, ' & ', ' | ')::tsquery AS query)
           AS asked
     CROSS JOIN app.article_search AS s
     WHERE s.tenant_id = $1 AND s.article_id = ANY ($3::uuid[]) AND s.words @@ asked.query
     ORDER BY score DESC, s.article_id
"""

SNIPPETS = """
    SELECT a.article_id,
           ts_headline('pg_catalog.english', left(a.body, 20000), websearch_to_tsquery('pg_catalog.english', $2),
                       'StartSel=**, StopSel=**, MinWords=15, MaxWords=35') AS snippet
      FROM app.article AS a
     WHERE a.tenant_id = $1 AND a.article_id = ANY ($3::uuid[])
"""

# Of drafts and the archive, which have no index of words: those that changed last are looked through.
UNPUBLISHED = """
    SELECT words.article_id, ts_rank_cd(words.found, asked.query) AS score, count(*) OVER () AS total,
           words.title, words.category, words.tags, words.updated_at, NULL AS snippet
      FROM (SELECT websearch_to_tsquery('pg_catalog.english', $2) AS query) AS asked
     CROSS JOIN LATERAL (
           SELECT a.article_id, a.title, a.category, a.tags, a.updated_at,
                  setweight(to_tsvector('pg_catalog.english', a.title), 'A')
                  || setweight(to_tsvector('pg_catalog.english', left(a.body, 20000)), 'B') AS found
             FROM app.article AS a
            WHERE a.tenant_id = $1 AND a.status = $3 AND ($4::uuid IS NULL OR a.project_id = $4)
            ORDER BY a.created_at DESC
            LIMIT 200) AS words
     WHERE words.found @@ asked.query
     ORDER BY score DESC, words.updated_at DESC, words.article_id
     LIMIT $5
"""

INDEX = """
    SELECT a.article_id, a.title, a.category, a.tags, a.status, a.updated_at
      FROM app.article AS a
     WHERE a.tenant_id = $1 AND a.status = 'published'
       AND ($2::uuid IS NULL OR a.project_id = $2 OR a.project_id IS NULL)
     ORDER BY a.category, a.updated_at DESC, a.article_id DESC
     LIMIT $3
"""

INDEXED = """
    SELECT count(*)
      FROM app.article AS a
     WHERE a.tenant_id = $1 AND a.status = 'published'
       AND ($2::uuid IS NULL OR a.project_id = $2 OR a.project_id IS NULL)
"""

AROUND = """
    SELECT asked.id AS of, o.article_id, o.title, o.category
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT DISTINCT ON (near.position, a.article_id) a.article_id, a.title, a.category, near.position
             FROM (SELECT CASE WHEN l.source_article_id = asked.id THEN l.target_article_id
                               ELSE l.source_article_id
                          END AS far,
                          max(l.position) AS position
                     FROM app.article_link AS l
                    WHERE l.tenant_id = $1 AND (l.source_article_id = asked.id OR l.target_article_id = asked.id)
                    GROUP BY 1
                    ORDER BY 2 DESC
                    LIMIT $3) AS near
             JOIN app.article AS a ON a.tenant_id = $1 AND a.article_id = near.far) AS o
     ORDER BY o.position DESC
"""


class Wanted(Struct, frozen=True, kw_only=True):
    """``None`` filters nothing. Of ``tags`` one is enough."""

    text: str
    project_id: UUID | None = None
    wide: bool = False
    """With a project, the whole tenant's articles as well."""
    category: Category | None = None
    tags: Sequence[str] | None = None


class Hit(Struct, frozen=True, kw_only=True):
    """``snippet`` has ``**`` around the words; None where no words were looked for."""

    article_id: UUID
    title: str
    category: str
    tags: Sequence[str]
    updated_at: datetime
    score: float
    snippet: str | None


class Around(Struct, frozen=True):
    """An article at the other end of a link."""

    article_id: UUID
    title: str
    category: str


async def search_words(
    tx: TenantTx, wanted: Wanted, limit: int, offset: int, *, snippets: bool = True
) -> tuple[Sequence[Hit], int]:  # fmt: skip
    """Published articles, the best first; and how many match."""
    tags = None if wanted.tags is None else list(wanted.tags)
    filters = (
        tx.tenant_id, wanted.text, wanted.project_id, wanted.wide, wanted.category, tags, MOST_RANKED
    )  # fmt: skip
    rows = await tx.fetch(KEYWORD, *filters, limit, offset, snippets)
    counted = rows or (await tx.fetch(KEYWORD, *filters, 1, 0, False) if offset else [])
    return [hit_of(row) for row in rows], counted[0]["total"] if counted else 0


async def overlaps(tx: TenantTx, text: str, article_ids: Sequence[UUID]) -> Mapping[UUID, float]:
    """Of those that have a word of the question, from the best on."""
    rows = await tx.fetch(OVERLAPS, tx.tenant_id, text, list(article_ids)) if article_ids else []
    return {row["article_id"]: row["score"] for row in rows}


async def snippets_of(tx: TenantTx, text: str, article_ids: Sequence[UUID]) -> Mapping[UUID, str]:
    """Of articles that have the words."""
    rows = await tx.fetch(SNIPPETS, tx.tenant_id, text, list(article_ids)) if article_ids else []
    return {row["article_id"]: _cut(row["snippet"]) for row in rows}


async def search_unpublished(
    tx: TenantTx, wanted: Wanted, status: str, limit: int
) -> tuple[Sequence[Hit], int]:  # fmt: skip
    """Of the newest in that status."""
    rows = await tx.fetch(UNPUBLISHED, tx.tenant_id, wanted.text, status, wanted.project_id, limit)
    return [hit_of(row) for row in rows], rows[0]["total"] if rows else 0


async def index_of(tx: TenantTx, project_id: UUID | None) -> tuple[Sequence[Mapping[str, Any]], int]:
    """Rows of published articles by category, the newest first; and how many there are. With a project, those of the
    whole tenant as well."""
    rows = await tx.fetch(INDEX, tx.tenant_id, project_id, MOST_INDEXED)
    return [dict(row) for row in rows], await tx.fetchval(INDEXED, tx.tenant_id, project_id)


async def articles_around(tx: TenantTx, article_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Around]]:
    """By article: those that it is linked with, in whatever status and direction, each once, the newest link first."""
    found: dict[UUID, list[Around]] = {id_: [] for id_ in article_ids}
    for row in await tx.fetch(AROUND, tx.tenant_id, list(article_ids), MOST_LINKED):
        found[row["of"]].append(Around(row["article_id"], row["title"], row["category"]))
    return found


async def texts_of(tx: TenantTx, article_ids: Sequence[UUID]) -> Mapping[UUID, Article]:
    return await ARTICLES.load(tx, list(article_ids))


def hit_of(row: Any) -> Hit:
    snippet = row["snippet"]
    return Hit(
        article_id=row["article_id"], title=row["title"], category=row["category"], tags=row["tags"],
        updated_at=row["updated_at"], score=row["score"], snippet=None if snippet is None else _cut(snippet),
    )  # fmt: skip


def _cut(snippet: str) -> str:
    return snippet if len(snippet) <= LONGEST_SNIPPET else snippet[:LONGEST_SNIPPET] + "..."
