"""One search in its three ways: by words, by meaning, by both (spec 03, section 6)."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import structlog
from msgspec import Struct, structs

from api.http.refusal import Refused
from api.services import Services
from domain.knowledge.ranking import POOL, combine
from egress.embeddings import EmbeddingFailed
from eventstore.database.transaction import TenantTx
from projections.queries.article_search import Hit, Wanted, overlaps, search_words, snippets_of
from projections.queries.article_vectors import Question, TooMany

Mode = Literal["combined", "keyword", "semantic"]

log = structlog.get_logger("api")


class Looked(Struct, frozen=True, kw_only=True):
    """How it is to be searched."""

    mode: Mode
    limit: int
    offset: int = 0
    snippets: bool = True


class Searched(Struct, frozen=True, kw_only=True):
    """``total`` on all pages. ``mode`` is how it was searched, ``by_meaning`` whether it could have been so."""

    hits: Sequence[Hit]
    total: int
    mode: Mode
    by_meaning: bool
    fallback: bool

    @property
    def told(self) -> dict[str, Any]:
        return {"search_mode": self.mode, "semantic_available": self.by_meaning, "fallback": self.fallback}

    @property
    def noted(self) -> str:
        return "combined_fallback" if self.fallback else self.mode


async def search(services: Services, tenant_id: UUID, wanted: Wanted, looked: Looked) -> Searched:
    """Raises Refused when it is to be by meaning alone, and what makes a question a vector fails."""
    question = await _question(services, wanted, looked.mode)
    async with services.reading(tenant_id) as tx:
        if question is not None:
            try:
                return await _by_meaning(services, tx, question, looked)
            except TooMany:
                log.info("vectors_not_compared", tenant=str(tenant_id), reason="the database has no extension vector")
        hits, total = await search_words(tx, wanted, looked.limit, looked.offset, snippets=looked.snippets)
    there = looked.mode == "keyword" and services.semantic.model is not None
    return Searched(
        hits=hits, total=total, mode="keyword", by_meaning=there, fallback=looked.mode != "keyword"
    )  # fmt: skip


async def _question(services: Services, wanted: Wanted, mode: Mode) -> Question | None:
    """None for words alone."""
    if mode == "keyword":
        return None
    try:
        return await services.semantic.question(wanted)
    except EmbeddingFailed as error:
        log.warning("question_not_embedded", reason=error.kind)
        if mode == "semantic":
            raise Refused("embedding_unavailable", headers={"Retry-After": "30"}) from error
        return None


async def _by_meaning(services: Services, tx: TenantTx, question: Question, looked: Looked) -> Searched:
    """Raises TooMany."""
    vectors = services.semantic.vectors
    if looked.mode == "semantic":
        near = await vectors.nearest(tx, question, looked.limit, looked.offset)
        total = await vectors.count(tx, question)
        return Searched(hits=near, total=total, mode="semantic", by_meaning=True, fallback=False)
    near = await vectors.nearest(tx, question, POOL)
    words, _ = await search_words(tx, question.wanted, POOL, 0, snippets=False)
    hits = {each.article_id: each for each in (*near, *words)}
    # A question in whole sentences has few articles with all of its words, so that which have many of them counts.
    said = await overlaps(tx, question.wanted.text, list(hits))
    scores = combine(said, {each.article_id: each.score for each in near})
    scores |= dict.fromkeys(hits.keys() - scores.keys(), 0.0)
    page = [*scores.items()][looked.offset : looked.offset + looked.limit]
    shown = [structs.replace(hits[id_], score=score) for id_, score in page]
    if looked.snippets:
        texts = await snippets_of(tx, question.wanted.text, [id_ for id_, _ in page if id_ in said])
        shown = [structs.replace(each, snippet=texts.get(each.article_id)) for each in shown]
    return Searched(hits=shown, total=len(scores), mode="combined", by_meaning=True, fallback=False)
