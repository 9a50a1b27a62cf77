"""What is wrong with a wiki as a whole: contradictions hang together, categories are thin (spec 03, section 9)."""

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

from msgspec import Struct

from domain.knowledge.events import CATEGORIES, Category

Check = Literal["stale_articles", "orphan_articles", "contradiction_clusters", "coverage_gaps", "broken_sources"]
Severity = Literal["info", "warning"]
SEVERITIES: Mapping[Check, Severity] = {
    "stale_articles": "warning",
    "orphan_articles": "info",
    "contradiction_clusters": "warning",
    "coverage_gaps": "info",
    "broken_sources": "warning",
}
ACTIONS: Mapping[Check, str] = {
    "stale_articles": "Read it again: change what is no longer true, or archive it.",
    "orphan_articles": "Link it with what it belongs to.",
    "contradiction_clusters": "Decide which of them is right, and link it as superseding the others.",
    "coverage_gaps": "Publish what is known of this kind.",
    "broken_sources": "Look whether it is still true: the review that taught it is gone with its story.",
}


class Contradiction(Struct, frozen=True):
    """A link of type contradicts between two published articles."""

    link_id: UUID
    source_id: UUID
    target_id: UUID


class Cluster(Struct, frozen=True):
    """Articles that contradict each other, directly or by others between them."""

    article_ids: Sequence[UUID]
    link_ids: Sequence[UUID]


class Gap(Struct, frozen=True):
    category: Category
    count: int
    threshold: int


def clusters(links: Sequence[Contradiction]) -> Sequence[Cluster]:
    """The largest first. In time that grows with the links, however they hang together."""
    over: dict[UUID, UUID] = {}
    for link in links:
        one, other = _root(over, link.source_id), _root(over, link.target_id)
        over[one] = other
    found: dict[UUID, tuple[dict[UUID, None], list[UUID]]] = {}
    for link in links:
        articles, ids = found.setdefault(_root(over, link.source_id), ({}, []))
        articles.update({link.source_id: None, link.target_id: None})
        ids.append(link.link_id)
    made = [Cluster(list(articles), ids) for articles, ids in found.values()]
    return sorted(made, key=lambda each: -len(each.article_ids))


def gaps(counts: Mapping[str, int], least: int) -> Sequence[Gap]:
    """Categories with fewer published articles than that."""
    return [Gap(each, counts.get(each, 0), least) for each in CATEGORIES if counts.get(each, 0) < least]


def _root(over: dict[UUID, UUID], article: UUID) -> UUID:
    """With every second step left out for the next time."""
    over.setdefault(article, article)
    while over[article] != article:
        over[article] = over[over[article]]
        article = over[article]
    return article
