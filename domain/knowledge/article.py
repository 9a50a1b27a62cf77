"""An article as its events leave it, and what may be said of one."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import assert_never
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType, structs

from domain.event import JsonText, Recorded
from domain.fields import BLANK, LONGEST_JSON, LONGEST_TITLE, Problems
from domain.knowledge.events import (
    ARTICLE_EVENTS,
    CATEGORIES,
    LONGEST_BODY,
    ArticleArchived,
    ArticleCreated,
    ArticlePublished,
    ArticleStatus,
    ArticleSuperseded,
    ArticleUnpublished,
    ArticleUpdated,
    Category,
)

MOST_TAGS = 20
LONGEST_TAG = 100
TAG = re.compile(r"[a-zA-Z0-9_-]+")
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])")
LONGEST_BASE = 56
"""Characters of a slug that come from the title."""
REVIEW = "review_finding"
SOURCE_TYPES = (
    REVIEW, "manual", "agent", "session_log", "newsletter", "skill", "web_article", "ingestion",
)  # fmt: skip
ACTIVE: tuple[ArticleStatus, ...] = ("draft", "published")
"""In these states no two articles of a tenant have one title."""


class Article(Struct, frozen=True, kw_only=True):
    """A row of app.article."""

    article_id: UUID
    project_id: UUID | None
    story_id: UUID | None
    title: str
    body: str
    category: Category
    status: ArticleStatus
    slug: str | None
    tags: tuple[str, ...]
    source_type: str | None
    source_id: UUID | None
    metadata: JsonText
    created_at: datetime
    updated_at: datetime
    position: int


class NewArticle(Struct, frozen=True, kw_only=True):
    """As somebody says it. ``project_is_there`` is false for a project that is not the tenant's."""

    title: str = ""
    body: str = ""
    category: str = ""
    status: str = "draft"
    tags: Sequence[str] = ()
    project_id: UUID | None = None
    project_is_there: bool = True
    slug: str | None = None
    source_type: str | None = None
    source_id: UUID | None = None
    story_id: UUID | None = None
    metadata: JsonText = JsonText("{}")


class ArticleFields(Struct, frozen=True, kw_only=True):
    """What a client may change."""

    title: str | UnsetType = UNSET
    body: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    tags: Sequence[str] | UnsetType = UNSET
    project_id: UUID | UnsetType = UNSET
    project_is_there: bool = True
    metadata: JsonText | UnsetType = UNSET


class Holder(Struct, frozen=True):
    """Who has a title or a slug; the text is that of the key."""

    text: str
    article_id: UUID | None = None


def check_title(problems: Problems, title: str) -> str:
    return problems.required("title", title, LONGEST_TITLE)


def check_body(problems: Problems, body: str) -> None:
    """As it is: what is done with Markdown or HTML is the affair of who shows it."""
    if not body.strip():
        problems.add("body", BLANK)
    elif len(body) > LONGEST_BODY:
        problems.add("body", f"should be at most {LONGEST_BODY} character(s)")


def check_category(problems: Problems, category: str) -> None:
    if not category:
        problems.add("category", BLANK)
    else:
        problems.one_of("category", category, CATEGORIES)


def check_tags(problems: Problems, tags: Sequence[str]) -> tuple[str, ...]:
    """Each once."""
    distinct = tuple(dict.fromkeys(tags))
    if len(distinct) > MOST_TAGS:
        problems.add("tags", f"must not exceed {MOST_TAGS} tags")
    for tag in distinct:
        if len(tag) > LONGEST_TAG:
            problems.add("tags", f"tag {tag} exceeds maximum length of {LONGEST_TAG}")
        elif TAG.fullmatch(tag) is None:
            problems.add("tags", f"tag {tag} contains invalid characters")
    return distinct


def check_metadata(problems: Problems, metadata: JsonText) -> None:
    problems.optional("metadata", metadata, LONGEST_JSON)


def slug_of(title: str, article_id: UUID) -> str | None:
    """Of an article that was given none: of its title, and of its id so that it is its own."""
    kept = "".join(letter for letter in title.lower() if letter in LETTERS or letter.isspace())
    base = "-".join(kept.split()).strip("-")[:LONGEST_BASE]
    end = article_id.hex[-6:]
    slug = f"{base}-{end}" if base else end
    return slug if SLUG.fullmatch(slug) else None


LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def evolve_article(article: Article | None, recorded: Recorded) -> Article | None:
    event = recorded.event
    if not ARTICLE_EVENTS.has(event):
        return article
    match event:
        case ArticleCreated():
            return Article(
                article_id=recorded.stream.id, project_id=event.project_id, story_id=event.story_id,
                title=event.title, body=event.body, category=event.category, status=event.status, slug=event.slug,
                tags=tuple(event.tags), source_type=event.source_type, source_id=event.source_id,
                metadata=event.metadata, created_at=recorded.at, updated_at=recorded.at, position=recorded.position,
            )  # fmt: skip
        case ArticleUpdated():
            return None if article is None else _updated(article, event, recorded)
        case ArticlePublished() | ArticleUnpublished() | ArticleArchived() | ArticleSuperseded():
            if article is None:
                return None
            return structs.replace(article, status=event.status, updated_at=recorded.at, position=recorded.position)
        case _:
            assert_never(event)


def _updated(article: Article, event: ArticleUpdated, recorded: Recorded) -> Article:
    said: Mapping[str, str | UnsetType] = {"body": event.body, "metadata": event.metadata}
    return structs.replace(
        article, title=event.title, category=event.category, status=event.status, project_id=event.project_id,
        tags=tuple(event.tags), updated_at=recorded.at, position=recorded.position,
        **{name: value for name, value in said.items() if value is not UNSET},
    )  # fmt: skip
