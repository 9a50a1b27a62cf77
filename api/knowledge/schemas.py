"""Articles and links on the wire (spec 03, sections 2 to 4)."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from api.pages import PageQuery
from api.projects.schemas import Metadata, Text, as_text
from api.times import wire_time
from domain.errors import Invalid
from domain.fields import BLANK
from domain.knowledge.article import Article, ArticleFields, NewArticle
from domain.knowledge.events import ArticleStatus, Category
from domain.knowledge.links import ArticleLink, NewLink
from projections.rows.articles import ArticleFilter, ShownLink

LongText = Annotated[str, Meta(max_length=1_000_000)]
Tags = Annotated[list[Text], Meta(max_length=100)]
MOST_IDS = 10_000
"""So many are read before they are counted."""


class ArticleMembers(Struct, frozen=True, kw_only=True):
    """Null is not said."""

    title: Text | None = None
    body: LongText | None = None
    category: Text | None = None
    status: Text | None = None
    tags: Tags | None = None
    metadata: Metadata | None = None


class UpdateArticleBody(ArticleMembers, frozen=True, kw_only=True):
    """Slug and source stay what they are."""

    project_id: UUID | None = None

    def fields(self) -> ArticleFields:
        names = ("title", "body", "category", "status", "tags", "project_id")
        said = {name: value for name in names if (value := getattr(self, name)) is not None}
        return ArticleFields(**said, metadata=UNSET if self.metadata is None else as_text(self.metadata))


class CreateArticleOfProjectBody(ArticleMembers, frozen=True, kw_only=True):
    """``title``, ``body`` and ``category`` must be there; the project is the path's."""

    slug: Text | None = None
    scope: Text | None = None
    source_type: Text | None = None
    source_id: UUID | None = None

    def wish(self, project_id: UUID | None = None) -> NewArticle:
        return NewArticle(
            title=self.title or "", body=self.body or "", category=self.category or "", status=self.status or "draft",
            tags=self.tags or (), project_id=project_id, slug=self.slug, source_type=self.source_type,
            source_id=self.source_id, metadata=as_text(self.metadata or {}),
        )  # fmt: skip


class CreateArticleBody(CreateArticleOfProjectBody, frozen=True, kw_only=True):
    """No project is the whole tenant."""

    project_id: UUID | None = None


class BulkPublishBody(Struct, frozen=True, kw_only=True):
    article_ids: Annotated[list[UUID], Meta(max_length=MOST_IDS)] | None = None


class CreateLinkBody(Struct, frozen=True, kw_only=True):
    source_article_id: UUID | None = None
    target_article_id: UUID | None = None
    relationship_type: Text | None = None
    metadata: Metadata | None = None

    def wish(self) -> NewLink:
        """Raises Invalid for what is left out."""
        if self.source_article_id is None or self.target_article_id is None or not self.relationship_type:
            names = ("source_article_id", "target_article_id", "relationship_type")
            raise Invalid(**{name: BLANK for name in names if not getattr(self, name)})
        return NewLink(
            source_article_id=self.source_article_id, target_article_id=self.target_article_id,
            relationship_type=self.relationship_type, metadata=as_text(self.metadata or {}),
        )  # fmt: skip


Reading = Annotated[str, Meta(description="Story that it is read for; one that is none is passed over.")]


class ReadingQuery(Struct, frozen=True, kw_only=True):
    """What it is read for."""

    project_id: (
        Annotated[str, Meta(description="Project that it is read for; one that is none is passed over.")] | UnsetType
    ) = UNSET
    story_id: Reading | UnsetType = UNSET


class DraftsQuery(PageQuery, frozen=True, kw_only=True):
    project_id: Annotated[UUID, Meta(description="Only of this project.")] | UnsetType = UNSET


class ArticlesOfProjectQuery(PageQuery, frozen=True, kw_only=True):
    category: Annotated[Category, Meta(description="Only these.")] | UnsetType = UNSET
    status: Annotated[ArticleStatus, Meta(description="Only these; by default all.")] | UnsetType = UNSET
    tags: Annotated[str, Meta(description="Only with one of these tags, between commas.")] | UnsetType = UNSET

    def wanted(self, project_id: UUID | None) -> ArticleFilter:
        return ArticleFilter(
            project_id=project_id, category=self.category or None, status=self.status or None, tags=tags_of(self.tags)
        )


class ArticlesQuery(ArticlesOfProjectQuery, frozen=True, kw_only=True):
    project_id: Annotated[UUID, Meta(description="Only of this project; those of the whole tenant are not.")] | (
        UnsetType
    ) = UNSET


def tags_of(text: str | UnsetType) -> Sequence[str] | None:
    """None where nothing is said."""
    found = [tag for each in (text or "").split(",") if (tag := each.strip())]
    return found or None


def article_body(tenant_id: UUID, article: Article) -> dict[str, Any]:
    return {
        "id": article.article_id,
        "tenant_id": tenant_id,
        "project_id": article.project_id,
        "story_id": article.story_id,
        "title": article.title,
        "slug": article.slug,
        "body": article.body,
        "category": article.category,
        "status": article.status,
        "tags": article.tags,
        "source_type": article.source_type,
        "source_id": article.source_id,
        "metadata": msgspec.Raw(article.metadata.encode()),
        "inserted_at": wire_time(article.created_at),
        "updated_at": wire_time(article.updated_at),
    }


def link_body(link: ArticleLink) -> dict[str, Any]:
    return {
        "id": link.link_id,
        "source_article_id": link.source_article_id,
        "target_article_id": link.target_article_id,
        "relationship_type": link.relationship_type,
        "metadata": msgspec.Raw(link.metadata.encode()),
        "inserted_at": wire_time(link.created_at),
    }


def shown_link(shown: ShownLink) -> dict[str, Any]:
    """With both ends by their titles."""
    return {
        **link_body(shown.link),
        "source_article": {"id": shown.link.source_article_id, "title": shown.source_title},
        "target_article": {"id": shown.link.target_article_id, "title": shown.target_title},
    }
