"""What may become of an article: drafts are published by an orchestrator or a person, and archived by a person."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast
from uuid import UUID

from msgspec import UNSET, structs

from domain.errors import Forbidden, Invalid, NotFound, Rejected
from domain.fields import Problems
from domain.knowledge.article import (
    SLUG,
    SOURCE_TYPES,
    Article,
    ArticleFields,
    Holder,
    NewArticle,
    check_body,
    check_category,
    check_metadata,
    check_tags,
    check_title,
    slug_of,
)
from domain.knowledge.events import (
    STATUSES,
    ArticleArchived,
    ArticleCreated,
    ArticleEvent,
    ArticlePublished,
    ArticleStatus,
    ArticleUnpublished,
    ArticleUpdated,
    Category,
)

TRANSITIONS: Mapping[ArticleStatus, tuple[ArticleStatus, ...]] = {
    "draft": ("published", "archived"),
    "published": ("draft", "archived"),
    "superseded": ("draft",),
    "archived": (),
}
"""Superseded becomes what another article is linked to as superseding it (links.py)."""

MOST_AT_ONCE = 100
Move = Literal["published", "draft", "archived"]
MOVES: Mapping[Move, type[ArticlePublished] | type[ArticleUnpublished] | type[ArticleArchived]] = {
    "published": ArticlePublished,
    "draft": ArticleUnpublished,
    "archived": ArticleArchived,
}


def create_article(
    wish: NewArticle, article_id: UUID, title: Holder, slug: Holder | None, *, may_publish: bool
) -> ArticleCreated:
    """``title`` and ``slug`` are who has those that are wished. Raises Invalid, and Forbidden for an agent's that is
    more than a draft."""
    problems = Problems()
    created = checked_article(problems, wish, article_id)
    if title.article_id is not None:
        _taken(problems)
    if slug is not None and slug.article_id is not None:
        if wish.slug is not None:
            problems.add("slug", "has already been taken")
        created = structs.replace(created, slug=None)
    problems.raise_any()
    if created.status != "draft" and not may_publish:
        raise Forbidden(
            "An agent files drafts; an orchestrator or a person publishes them.", code="publishing_forbidden"
        )
    return created


def checked_article(problems: Problems, wish: NewArticle, article_id: UUID) -> ArticleCreated:
    """The event, if there are no problems."""
    title = check_title(problems, wish.title)
    check_body(problems, wish.body)
    check_category(problems, wish.category)
    problems.one_of("status", wish.status, ("draft", "published"))
    tags = check_tags(problems, wish.tags)
    check_metadata(problems, wish.metadata)
    if not wish.project_is_there:
        problems.add("project_id", "does not belong to this tenant")
    if wish.slug is not None and SLUG.fullmatch(wish.slug) is None:
        problems.add("slug", "is invalid: must be 2 to 64 of a-z, 0-9 and -, with a letter or a digit at both ends")
    if wish.source_type is not None and wish.source_type not in SOURCE_TYPES:
        problems.add("source_type", f"unknown source type: {wish.source_type}")
    return ArticleCreated(
        title=title, body=wish.body, category=cast("Category", wish.category),
        status=cast("ArticleStatus", wish.status), project_id=wish.project_id, tags=tags,
        slug=wish.slug or slug_of(title, article_id), source_type=wish.source_type,
        source_id=wish.source_id, story_id=wish.story_id, metadata=wish.metadata,
    )  # fmt: skip


def update_article(article: Article, fields: ArticleFields, title: Holder | None) -> tuple[ArticleUpdated, ...]:
    """``title`` is who has the new one. Nothing when nothing changes. Raises Invalid."""
    problems = Problems()
    given = _given(problems, fields)
    if not fields.project_is_there:
        problems.add("project_id", "does not belong to this tenant")
    if title is not None and title.article_id not in (None, article.article_id):
        _taken(problems)
    problems.raise_any()
    changed = {name: value for name, value in given.items() if value != getattr(article, name)}
    if "status" in changed:
        _check_move(article, changed["status"])
    if not changed:
        return ()
    now = structs.replace(article, **changed)
    return (
        ArticleUpdated(
            **_head(now), changed_fields=tuple(changed), title_was=article.title, status_was=article.status,
            body=changed.get("body", UNSET), metadata=changed.get("metadata", UNSET),
        ),
    )  # fmt: skip


def move_article(article: Article, to: Move) -> ArticleEvent:
    """Raises Rejected for a step that the table does not have."""
    _check_move(article, to)
    return MOVES[to](**_head(structs.replace(article, status=to)), status_was=article.status)


def retire_article(article: Article) -> tuple[ArticleArchived, ...]:
    """Into the archive from wherever it is; nothing when it is there."""
    if article.status == "archived":
        return ()
    return (ArticleArchived(**_head(structs.replace(article, status="archived")), status_was=article.status),)


def publish_articles(wanted: Sequence[UUID], found: Sequence[Article | None]) -> Sequence[ArticlePublished]:
    """All of them or none. Raises Invalid for one that is named twice, NotFound, and Rejected for what is no draft."""
    if len({*wanted}) < len(wanted):
        raise Invalid(article_ids="names an article twice")
    published = []
    for article in found:
        if article is None:
            raise NotFound("Not found")
        if article.status != "draft":
            raise Rejected(f"Article {article.article_id} is in status {article.status}, expected draft")
        published.append(
            ArticlePublished(**_head(structs.replace(article, status="published")), status_was=article.status)
        )
    return published


def _given(problems: Problems, fields: ArticleFields) -> dict[str, Any]:
    """What is said, as it is kept."""
    given: dict[str, Any] = {}
    if fields.title is not UNSET:
        given["title"] = check_title(problems, fields.title)
    if fields.body is not UNSET:
        check_body(problems, fields.body)
        given["body"] = fields.body
    if fields.category is not UNSET:
        check_category(problems, fields.category)
        given["category"] = fields.category
    if fields.status is not UNSET:
        problems.one_of("status", fields.status, STATUSES)
        given["status"] = fields.status
    if fields.tags is not UNSET:
        given["tags"] = check_tags(problems, fields.tags)
    if fields.project_id is not UNSET:
        given["project_id"] = fields.project_id
    if fields.metadata is not UNSET:
        check_metadata(problems, fields.metadata)
        given["metadata"] = fields.metadata
    return given


def _check_move(article: Article, to: ArticleStatus) -> None:
    if to not in TRANSITIONS[article.status]:
        raise Rejected(f"Cannot transition from {article.status} to {to}")


def _taken(problems: Problems) -> None:
    """Under both names that clients look at."""
    problems.add("title", "has already been taken by an article that is a draft or published")
    problems.add("tenant_id", "has already been taken for this tenant")


def _head(article: Article) -> dict[str, Any]:
    """What every event says."""
    return {name: getattr(article, name) for name in ("title", "category", "status", "project_id", "tags")}
