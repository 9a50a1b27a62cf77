"""Links between articles. One that supersedes retires its target, so it takes more than an agent to draw it."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never, cast
from uuid import UUID, uuid5

from msgspec import Struct, structs

from domain.errors import Forbidden, Rejected
from domain.event import JsonText, Recorded
from domain.fields import Problems
from domain.knowledge.article import ACTIVE, Article, check_metadata
from domain.knowledge.events import (
    ARTICLE_LINK_EVENTS,
    RELATIONSHIPS,
    ArticleLinkCreated,
    ArticleLinkDeleted,
    ArticleSuperseded,
    Relationship,
)

TAKEN = "link already exists between these articles with this relationship type"


class ArticleLink(Struct, frozen=True, kw_only=True):
    """A row of app.article_link."""

    link_id: UUID
    source_article_id: UUID
    target_article_id: UUID
    relationship_type: Relationship
    metadata: JsonText
    created_at: datetime
    position: int


class NewLink(Struct, frozen=True, kw_only=True):
    """As somebody says it."""

    source_article_id: UUID
    target_article_id: UUID
    relationship_type: str
    metadata: JsonText = JsonText("{}")


class Ends(Struct, frozen=True):
    """What there is of what a link names; None for what is not the tenant's."""

    source: Article | None
    target: Article | None
    link: ArticleLink | None


def link_id(wish: NewLink) -> UUID:
    """Of the link's stream: two articles have one of each type and direction."""
    return uuid5(wish.source_article_id, f"article_link:{wish.relationship_type}:{wish.target_article_id}")


def create_link(
    wish: NewLink, ends: Ends, *, may_supersede: bool
) -> tuple[ArticleLinkCreated, Sequence[ArticleSuperseded]]:
    """With what happens to the target. Raises Invalid, and Forbidden for an agent that would retire an article."""
    source, target = _checked(wish, ends)
    created = ArticleLinkCreated(
        source_article_id=source.article_id, target_article_id=target.article_id,
        relationship_type=cast("Relationship", wish.relationship_type), source_title=source.title,
        target_title=target.title, metadata=wish.metadata,
    )  # fmt: skip
    if created.relationship_type != "supersedes":
        return created, ()
    if not may_supersede:
        raise Forbidden(
            "An article is superseded by an orchestrator or a person.", code="publishing_forbidden"
        )  # fmt: skip
    if source.status not in ACTIVE:
        # Or two articles would supersede each other, and neither would be right.
        raise Rejected(f"Article {source.article_id} is {source.status} itself, so it supersedes nothing")
    return created, _superseded(source, target)


def delete_link(link: ArticleLink) -> ArticleLinkDeleted:
    """What was superseded by it stays so; it is unpublished into a draft, if it is right after all."""
    return ArticleLinkDeleted(
        source_article_id=link.source_article_id, target_article_id=link.target_article_id,
        relationship_type=link.relationship_type,
    )  # fmt: skip


def evolve_article_link(link: ArticleLink | None, recorded: Recorded) -> ArticleLink | None:
    event = recorded.event
    if not ARTICLE_LINK_EVENTS.has(event):
        return link
    match event:
        case ArticleLinkCreated():
            return ArticleLink(
                link_id=recorded.stream.id, source_article_id=event.source_article_id,
                target_article_id=event.target_article_id, relationship_type=event.relationship_type,
                metadata=event.metadata, created_at=recorded.at, position=recorded.position,
            )  # fmt: skip
        case ArticleLinkDeleted():
            return None
        case _:
            assert_never(event)


def _checked(wish: NewLink, ends: Ends) -> tuple[Article, Article]:
    problems = Problems()
    problems.one_of("relationship_type", wish.relationship_type, RELATIONSHIPS)
    check_metadata(problems, wish.metadata)
    if ends.source is None:
        problems.add("source_article_id", "does not exist in this tenant")
    if ends.target is None:
        problems.add("target_article_id", "does not exist in this tenant")
    elif wish.source_article_id == wish.target_article_id:
        problems.add("target_article_id", "cannot link an article to itself")
    if ends.link is not None:
        problems.add("target_article_id", TAKEN)
        problems.add("tenant_id", TAKEN)
    problems.raise_any()
    return cast("Article", ends.source), cast("Article", ends.target)


def _superseded(source: Article, target: Article) -> Sequence[ArticleSuperseded]:
    """Nothing when it is already."""
    if target.status == "superseded":
        return ()
    now = structs.replace(target, status="superseded")
    return (
        ArticleSuperseded(
            title=now.title, category=now.category, status=now.status, project_id=now.project_id, tags=now.tags,
            status_was=target.status, superseding_article_id=source.article_id, superseding_title=source.title,
        ),
    )  # fmt: skip
