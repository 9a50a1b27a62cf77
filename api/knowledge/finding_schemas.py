"""What is asked of the knowledge wiki, and what is found, on the wire (spec 03, sections 5 to 7)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from api.knowledge.schemas import Reading, tags_of
from api.knowledge.searching import Mode
from api.pages import PageQuery
from api.times import wire_time
from domain.knowledge.article import Article
from domain.knowledge.events import Category
from domain.knowledge.ranking import Packed, Ranked
from projections.queries.article_search import MOST_INDEXED, Around, Hit, Wanted

RECENCY = 0.3
CONTEXT_LIMIT, MOST_CONTEXT = 5, 20
LEAST_TOKENS, MOST_TOKENS = 100, 200_000

Project = Annotated[UUID, Meta(description="Only of this project; those of the whole tenant are not.")]
Wide = Annotated[bool, Meta(description="With a project, the articles of the whole tenant as well.")]


class SearchQuery(PageQuery, frozen=True, kw_only=True):
    q: Annotated[str, Meta(description="What to look for, up to 500 characters.")] | UnsetType = UNSET
    mode: Annotated[Mode, Meta(description="How; default combined.")] | UnsetType = UNSET
    project_id: Project | UnsetType = UNSET
    include_tenant_wide: Wide = False
    story_id: Reading | UnsetType = UNSET
    category: Annotated[Category, Meta(description="Only these.")] | UnsetType = UNSET
    tags: Annotated[str, Meta(description="Only with one of these tags, between commas.")] | UnsetType = UNSET

    def wanted(self, text: str) -> Wanted:
        return Wanted(
            text=text, project_id=self.project_id or None, wide=self.include_tenant_wide,
            category=self.category or None, tags=tags_of(self.tags),
        )  # fmt: skip


class IndexQuery(Struct, frozen=True, kw_only=True):
    project_id: Annotated[UUID, Meta(description="Of this project, and those of the whole tenant.")] | UnsetType = UNSET


class ContextQuery(Struct, frozen=True, kw_only=True):
    query: Annotated[str, Meta(description="The task, up to 500 characters.")] | UnsetType = UNSET
    project_id: Project | UnsetType = UNSET
    include_tenant_wide: Wide = False
    story_id: Reading | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=MOST_CONTEXT, description="Articles at most; default 5.")] | UnsetType = UNSET
    recency_weight: Annotated[str, Meta(description="From 0 to 1: how much fresh ones gain; default 0.3.")] | (
        UnsetType
    ) = UNSET
    max_tokens: (
        Annotated[int, Meta(ge=LEAST_TOKENS, le=MOST_TOKENS, description="What all texts may take together.")]
        | UnsetType
    ) = UNSET
    status: (
        Annotated[
            Literal["published", "draft", "archived"], Meta(description="For a user key; others see what is published.")
        ]
        | UnsetType
    ) = UNSET

    @property
    def most(self) -> int:
        return CONTEXT_LIMIT if self.limit is UNSET else self.limit

    @property
    def weight(self) -> float:
        """From 0 to 1; what is no number is not said."""
        try:
            found = float(self.recency_weight or RECENCY)
        except ValueError:
            return RECENCY
        return min(max(found, 0.0), 1.0) if found == found else RECENCY  # noqa: PLR0124  # a NaN is not itself


def hit_body(hit: Hit) -> dict[str, Any]:
    return {
        "id": hit.article_id,
        "title": hit.title,
        "category": hit.category,
        "tags": hit.tags,
        "score": hit.score,
        "updated_at": wire_time(hit.updated_at),
        **({} if hit.snippet is None else {"snippet": hit.snippet}),
    }


def index_body(rows: Sequence[Mapping[str, Any]], total: int) -> dict[str, Any]:
    data: dict[str, list[Any]] = {}
    for row in rows:
        data.setdefault(row["category"], []).append(
            {
                "id": row["article_id"],
                "title": row["title"],
                "category": row["category"],
                "tags": row["tags"],
                "status": row["status"],
                "updated_at": wire_time(row["updated_at"]),
            }
        )
    counts = {category: len(each) for category, each in data.items()}
    return {"data": data, "meta": {"total_count": total, "categories": counts, "truncated": total > MOST_INDEXED}}


def context_body(
    ranked: Ranked, article: Article, packed: Packed, around: Mapping[UUID, Sequence[Around]]
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": article.article_id,
        "title": article.title,
        "category": article.category,
        "tags": article.tags,
        "body": packed.text,
        "truncated": packed.cut,
        "tokens": packed.tokens,
        "updated_at": wire_time(article.updated_at),
        "relevance_score": ranked.relevance,
        "recency_score": ranked.recency,
        "combined_score": ranked.combined,
        "linked_articles": [
            {"id": each.article_id, "title": each.title, "category": each.category}
            for each in around[article.article_id]
        ],
    }
