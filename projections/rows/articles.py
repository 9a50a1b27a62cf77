"""Articles of the knowledge wiki and links between them, as their events leave them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct, structs

from domain.event import Recorded
from domain.knowledge.article import ACTIVE, Article, Holder, evolve_article
from domain.knowledge.events import (
    ArticleArchived,
    ArticleCreated,
    ArticlePublished,
    ArticleSuperseded,
    ArticleUnpublished,
    ArticleUpdated,
)
from domain.knowledge.links import ArticleLink, evolve_article_link
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model
from projections.rows.entity import Entity

ARTICLES = Entity(name="article", state=Article, identity="article_id", evolve=evolve_article)
ARTICLE_LINKS = Entity(name="article_link", state=ArticleLink, identity="link_id", evolve=evolve_article_link)

TITLES = """
    SELECT asked.title,
           (SELECT a.article_id
              FROM app.article AS a
             WHERE a.tenant_id = $1 AND a.title = asked.title AND a.status IN ('draft', 'published')
             LIMIT 1) AS holder
      FROM unnest($2::text[]) AS asked (title)
"""

SLUGS = """
    SELECT asked.slug,
           (SELECT a.article_id FROM app.article AS a WHERE a.tenant_id = $1 AND a.slug = asked.slug LIMIT 1) AS holder
      FROM unnest($2::text[]) AS asked (slug)
"""

# First which, then what they are: texts and vectors of those that are left out are not read.
LIST = """
    SELECT a.article_id, a.project_id, a.story_id, a.title, a.body, a.category, a.status, a.slug, a.tags, a.source_type,
           a.source_id, a.metadata, a.created_at, a.updated_at, a.position
      FROM (SELECT p.article_id, p.created_at
              FROM app.article AS p
             WHERE p.tenant_id = $1
               AND ($2::uuid IS NULL OR p.project_id = $2)
               AND ($3::text IS NULL OR p.category = $3)
               AND ($4::text IS NULL OR p.status = $4)
               AND ($5::text[] IS NULL OR p.tags && $5)
             ORDER BY p.created_at DESC, p.article_id DESC
             LIMIT $6 OFFSET $7) AS page
     CROSS JOIN LATERAL (
           SELECT * FROM app.article AS o WHERE o.tenant_id = $1 AND o.article_id = page.article_id LIMIT 1) AS a
     ORDER BY page.created_at DESC, page.article_id DESC
"""

COUNT = """
    SELECT count(*)
      FROM app.article AS a
     WHERE a.tenant_id = $1
       AND ($2::uuid IS NULL OR a.project_id = $2)
       AND ($3::text IS NULL OR a.category = $3)
       AND ($4::text IS NULL OR a.status = $4)
       AND ($5::text[] IS NULL OR a.tags && $5)
"""

LINKS = """
    SELECT l.link_id, l.source_article_id, l.target_article_id, l.relationship_type, l.metadata, l.created_at,
           l.position, s.title AS source_title, t.title AS target_title, count(*) OVER () AS total
      FROM app.article_link AS l
      JOIN app.article AS s ON s.tenant_id = $1 AND s.article_id = l.source_article_id
      JOIN app.article AS t ON t.tenant_id = $1 AND t.article_id = l.target_article_id
     WHERE l.tenant_id = $1 AND (l.source_article_id = $2 OR l.target_article_id = $2)
     ORDER BY l.position DESC, l.link_id
     LIMIT $3 OFFSET $4
"""


class _HolderModel(Model[str, Holder]):
    """By the text; it stands in the state as well, because an event that changes a title touches two."""

    statement: str
    column: str

    async def load(self, tx: TenantTx, keys: Sequence[str]) -> Mapping[str, Holder]:
        rows = await tx.fetch(self.statement, tx.tenant_id, list(keys))
        return {row[self.column]: Holder(row[self.column], row["holder"]) for row in rows}

    def initial(self, key: str) -> Holder:
        return Holder(key)


class TitleHolder(_HolderModel):
    """The draft or published article that has this title."""

    name = "article_title"
    statement, column = TITLES, "title"
    events = (
        ArticleCreated, ArticleUpdated, ArticlePublished, ArticleUnpublished, ArticleArchived, ArticleSuperseded,
    )  # fmt: skip

    def touched(self, recorded: Recorded) -> Sequence[str]:
        event: Any = recorded.event
        return [*dict.fromkeys((event.title, getattr(event, "title_was", event.title)))]

    def evolve(self, state: Holder, recorded: Recorded) -> Holder:
        event: Any = recorded.event
        if event.title == state.text and event.status in ACTIVE:
            return structs.replace(state, article_id=recorded.stream.id)
        return structs.replace(state, article_id=None) if state.article_id == recorded.stream.id else state


class SlugHolder(_HolderModel):
    """The article that has this slug, for good."""

    name = "article_slug"
    statement, column = SLUGS, "slug"
    events = (ArticleCreated,)

    def touched(self, recorded: Recorded) -> Sequence[str]:
        created: Any = recorded.event
        return [created.slug] if created.slug is not None else []

    def evolve(self, state: Holder, recorded: Recorded) -> Holder:
        return structs.replace(state, article_id=recorded.stream.id)


TITLE_HOLDER = TitleHolder()
SLUG_HOLDER = SlugHolder()


class ArticleFilter(Struct, frozen=True, kw_only=True):
    """``None`` filters nothing. Of ``tags`` one is enough."""

    project_id: UUID | None = None
    category: str | None = None
    status: str | None = None
    tags: Sequence[str] | None = None


class ShownLink(Struct, frozen=True):
    """With the titles of both ends."""

    link: ArticleLink
    source_title: str
    target_title: str


async def list_articles(
    tx: TenantTx, wanted: ArticleFilter, limit: int, offset: int
) -> tuple[Sequence[Article], int]:  # fmt: skip
    """The newest first; and how many there are on all pages."""
    tags = None if wanted.tags is None else list(wanted.tags)
    filters = (tx.tenant_id, wanted.project_id, wanted.category, wanted.status, tags)
    rows = await tx.fetch(LIST, *filters, limit, offset)
    return [ARTICLES.from_row(row) for row in rows], await tx.fetchval(COUNT, *filters)


async def list_links(tx: TenantTx, article_id: UUID, limit: int, offset: int) -> tuple[Sequence[ShownLink], int]:
    """In both directions, the newest first; and how many there are on all pages."""
    rows = await tx.fetch(LINKS, tx.tenant_id, article_id, limit, offset)
    counted = rows or (await tx.fetch(LINKS, tx.tenant_id, article_id, 1, 0) if offset else [])
    shown = [ShownLink(ARTICLE_LINKS.from_row(row), row["source_title"], row["target_title"]) for row in rows]
    return shown, counted[0]["total"] if counted else 0
