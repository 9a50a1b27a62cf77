"""Links between articles that say nearly the same (spec 03, section 13)."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
from msgspec import Struct

from domain.event import JsonText
from domain.knowledge.article import Article
from domain.knowledge.events import RELATIONSHIPS, ArticleLinkCreated
from domain.knowledge.links import ArticleLink, NewLink, link_id

MOST_DRAWN = 5
"""For one article: as many as a context shows."""


class Alike(Struct, frozen=True):
    """``similarity`` from the model's threshold to 1."""

    article_id: UUID
    similarity: float


class Likeness(Struct, frozen=True):
    """What an article is like, the most alike first."""

    article_id: UUID
    alike: Sequence[Alike]

    @property
    def nearest(self) -> Sequence[Alike]:
        return self.alike[:MOST_DRAWN]


def links_between(one: UUID, other: UUID) -> Sequence[UUID]:
    """Ids of all that there can be, of every type and in both directions."""
    ends = ((one, other), (other, one))
    return [
        link_id(NewLink(source_article_id=source, target_article_id=target, relationship_type=type_))
        for source, target in ends
        for type_ in RELATIONSHIPS
    ]


def link_alike(
    likeness: Likeness, articles: Mapping[UUID, Article | None], links: Mapping[UUID, ArticleLink | None]
) -> Sequence[ArticleLinkCreated]:
    """Between articles that are both published, unless they are linked already, however."""
    source = articles[likeness.article_id]
    if source is None or source.status != "published":
        return ()
    return [
        _drawn(source, target, each)
        for each in likeness.nearest
        if (target := articles[each.article_id]) is not None
        and target.status == "published"
        and all(links[id_] is None for id_ in links_between(source.article_id, target.article_id))
    ]


def _drawn(source: Article, target: Article, alike: Alike) -> ArticleLinkCreated:
    told = {"auto_generated": True, "similarity_score": alike.similarity}
    return ArticleLinkCreated(
        source_article_id=source.article_id, target_article_id=target.article_id, relationship_type="relates_to",
        source_title=source.title, target_title=target.title, metadata=JsonText(msgspec.json.encode(told).decode()),
    )  # fmt: skip
