"""What happens to articles of the knowledge wiki, and to links between them (spec 03, sections 1 to 4).

The text of an article is kept beside the log, as a story's is, so that it can be erased; the rest is in the log.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal, get_args
from uuid import UUID

from msgspec import UNSET, UnsetType

from domain.event import ERASED, Event, Events, JsonText

LONGEST_BODY = 100_000
"""Characters."""

Category = Literal["pattern", "convention", "decision", "finding", "reference"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
ArticleStatus = Literal["draft", "published", "archived", "superseded"]
STATUSES: tuple[ArticleStatus, ...] = get_args(ArticleStatus)
Relationship = Literal["relates_to", "derived_from", "contradicts", "supersedes"]
RELATIONSHIPS: tuple[Relationship, ...] = get_args(Relationship)


class OfArticle(Event, frozen=True, kw_only=True):
    """What every event of an article says of it, as it is from then on: enough for whoever is told."""

    title: str
    category: Category
    status: ArticleStatus
    project_id: UUID | None = None
    """None for the whole tenant."""
    tags: tuple[str, ...] = ()


class ArticleCreated(OfArticle, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "article.created"
    ERASABLE: ClassVar[Mapping[str, str]] = {"body": ERASED}
    TEXTS_APART: ClassVar[bool] = True
    body: str
    slug: str | None = None
    source_type: str | None = None
    source_id: UUID | None = None
    """What it was made of; a review, when the type says so."""
    story_id: UUID | None = None
    """Whose work taught it."""
    metadata: JsonText = JsonText("{}")


class ArticleUpdated(OfArticle, frozen=True, kw_only=True):
    """Text and metadata are left out where they did not change."""

    TAG: ClassVar[str] = "article.updated"
    ERASABLE: ClassVar[Mapping[str, str]] = {"body": ERASED}
    TEXTS_APART: ClassVar[bool] = True
    changed_fields: tuple[str, ...]
    title_was: str
    status_was: ArticleStatus
    body: str | UnsetType = UNSET
    metadata: JsonText | UnsetType = UNSET


class ArticlePublished(OfArticle, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "article.published"
    status_was: ArticleStatus


class ArticleUnpublished(OfArticle, frozen=True, kw_only=True):
    """A draft again."""

    TAG: ClassVar[str] = "article.unpublished"
    status_was: ArticleStatus


class ArticleArchived(OfArticle, frozen=True, kw_only=True):
    """For good: nothing leaves the archive."""

    TAG: ClassVar[str] = "article.archived"
    status_was: ArticleStatus


class ArticleSuperseded(OfArticle, frozen=True, kw_only=True):
    """Another article is right instead."""

    TAG: ClassVar[str] = "article.superseded"
    status_was: ArticleStatus
    superseding_article_id: UUID
    superseding_title: str


class ArticleLinkCreated(Event, frozen=True, kw_only=True):
    """Titles are those of that time."""

    TAG: ClassVar[str] = "article_link.created"
    source_article_id: UUID
    target_article_id: UUID
    relationship_type: Relationship
    source_title: str
    target_title: str
    metadata: JsonText = JsonText("{}")


class ArticleLinkDeleted(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "article_link.deleted"
    source_article_id: UUID
    target_article_id: UUID
    relationship_type: Relationship


ArticleEvent = (
    ArticleCreated | ArticleUpdated | ArticlePublished | ArticleUnpublished | ArticleArchived | ArticleSuperseded
)
ARTICLE_EVENTS = Events[ArticleEvent](ArticleEvent)
ArticleLinkEvent = ArticleLinkCreated | ArticleLinkDeleted
ARTICLE_LINK_EVENTS = Events[ArticleLinkEvent](ArticleLinkEvent)
