"""Finding what is known: search, the index, and what fits a task."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct, structs

from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.http.refusal import Refused
from api.knowledge.articles import TAGS
from api.knowledge.examples import CONTEXT, CONTEXT_META, HIT, INDEX, SEARCH_META
from api.knowledge.finding_schemas import (
    ContextQuery,
    IndexQuery,
    SearchQuery,
    context_body,
    hit_body,
    index_body,
)
from api.knowledge.reads import reading_of, said
from api.knowledge.searching import Looked, Searched, search
from api.pages import Sizes, page_of
from api.paths import ProjectPath
from api.projects.routes import check_there, project_id_of
from api.services import Provided, Services
from domain.caller import Role
from domain.knowledge.ranking import Ranked, freshen, pack
from projections.queries.article_search import (
    Wanted,
    articles_around,
    index_of,
    search_unpublished,
    texts_of,
)

LONGEST_QUESTION = 500
SEARCH = Sizes(default=10, most=50)
POOL, TAKEN = 3, 2
"""Times the articles that a context shows: so many are looked at, and so many ranked by how fresh they are."""


@get(
    "/api/v1/knowledge/search",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Search the published articles",
    description="keyword looks for words, in the manner of search engines: quotes, or, and a minus; semantic for what "
    "is alike in meaning; combined puts the best 50 of both together. Without an embedding provider every mode looks "
    "for words, and combined does while the provider fails: search_mode says how it was searched, semantic_available "
    "whether there is another way, fallback that another one was asked for. At most 1000 of the articles that have "
    "the words are ranked, the newest.",
    responses=answers(200, "A page of hits", {"data": [HIT], "meta": SEARCH_META}),
)
async def search_articles(
    services: Provided, asking: Asker, wanted: NamedDependency[SearchQuery]
) -> dict[str, Any]:  # fmt: skip
    text, page = question("q", wanted.q or ""), page_of(wanted, SEARCH)
    looked = Looked(mode=wanted.mode or "combined", limit=page.limit, offset=page.offset)
    found = await search(services, asking.caller.tenant_id, wanted.wanted(text), looked)
    _note(services, asking, wanted, Noted("search", [each.article_id for each in found.hits], text, found.noted))
    answer = page.answer([hit_body(each) for each in found.hits], found.total)
    return {**answer, "meta": {**answer["meta"], **found.told}}


@get(
    "/api/v1/knowledge/index",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List what is published, by category",
    description="Titles, the newest first, 1000 at most.",
    responses=answers(200, "Titles by category", INDEX),
)
async def show_index(services: Provided, asking: Asker, wanted: NamedDependency[IndexQuery]) -> dict[str, Any]:
    project_id = wanted.project_id or None
    await check_there(services, asking, project_id)
    return await _index(services, asking, project_id)


@get(
    "/api/v1/projects/{project:str}/knowledge/index",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List what is published for a project, by category",
    description="Its own articles and those of the whole tenant.",
    responses=answers(200, "Titles by category", INDEX),
)
async def show_index_of_project(services: Provided, asking: Asker, project: ProjectPath) -> dict[str, Any]:
    project_id = await project_id_of(services, asking, project)
    await check_there(services, asking, project_id)
    return await _index(services, asking, project_id)


@get(
    "/api/v1/knowledge/context",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show what is known for a task",
    description="The best articles in full, the fresher ones sooner. With max_tokens as many as fit, by four bytes a "
    "token; the last one may be cut, and says so.",
    responses=answers(200, "Articles", {"data": [CONTEXT], "meta": CONTEXT_META}),
)
async def show_context(services: Provided, asking: Asker, wanted: NamedDependency[ContextQuery]) -> dict[str, Any]:
    text, limit = question("query", wanted.query or ""), wanted.most
    asked = Wanted(text=text, project_id=wanted.project_id or None, wide=wanted.include_tenant_wide)
    status = wanted.status or "published"
    if asking.caller.role.rank < Role.USER.rank:
        status = "published"
    tenant_id = asking.caller.tenant_id
    if status == "published":
        looked = Looked(mode="combined", limit=POOL * limit, snippets=False)
        found = await search(services, tenant_id, asked, looked)
    else:
        found = await _unpublished(services, tenant_id, asked, status, POOL * limit)
    ranked = _ranked(services, found, TAKEN * limit, wanted.weight)[:limit]
    async with services.reading(tenant_id) as tx:
        articles = await texts_of(tx, [each.article_id for each in ranked])
        around = await articles_around(tx, [each.article_id for each in ranked])
    # Something may have been erased between the two looks.
    ranked = [each for each in ranked if each.article_id in articles]
    _note(services, asking, wanted, Noted("context", [each.article_id for each in ranked], text))
    packed = pack([articles[each.article_id].body for each in ranked], wanted.max_tokens or None)
    shown = [
        context_body(ranked[each.place], articles[ranked[each.place].article_id], each, around) for each in packed
    ]  # fmt: skip
    meta = {
        "total_count": len(shown),
        "limit": limit,
        "recency_weight": wanted.weight,
        "tokens": sum(each.tokens for each in packed),
        "max_tokens": wanted.max_tokens or None,
        "left_out": len(ranked) - len(shown),
    }
    return {"data": shown, "meta": {**meta, **found.told}}


class Noted(Struct, frozen=True):
    """What was read, the best first."""

    access_type: Literal["search", "context"]
    article_ids: Sequence[UUID]
    query: str
    mode: str | None = None


def _note(services: Services, asking: Asking, wanted: SearchQuery | ContextQuery, noted: Noted) -> None:
    read = reading_of(asking, noted.access_type, noted.article_ids, services.utc_now())
    services.note_reads(
        structs.replace(
            read, project=wanted.project_id or None, story=said(wanted.story_id), query=noted.query, mode=noted.mode,
            ranked=True,
        )
    )  # fmt: skip


def question(name: str, text: str) -> str:
    """Raises Refused for none and for one that is too long."""
    asked = text.strip()
    if not asked:
        raise Refused("bad_request", f"Query parameter '{name}' is required and cannot be empty")
    if len(asked) > LONGEST_QUESTION:
        raise Refused("bad_request", f"Query parameter '{name}' must not exceed {LONGEST_QUESTION} characters")
    return asked


async def _unpublished(
    services: Services, tenant_id: UUID, asked: Wanted, status: str, most: int
) -> Searched:  # fmt: skip
    async with services.reading(tenant_id) as tx:
        hits, total = await search_unpublished(tx, asked, status, most)
    return Searched(hits=hits, total=total, mode="keyword", by_meaning=False, fallback=True)


async def _index(services: Services, asking: Asking, project_id: UUID | None) -> dict[str, Any]:
    async with services.reading(asking.caller.tenant_id) as tx:
        rows, total = await index_of(tx, project_id)
    return index_body(rows, total)


def _ranked(services: Services, found: Searched, most: int, weight: float) -> Sequence[Ranked]:
    """Scores of words go from 0 to 1 first, as they do beside others."""
    hits = found.hits[:most]
    updated = {each.article_id: each.updated_at for each in hits}
    best = max((each.score for each in hits), default=0.0) or 1.0 if found.mode == "keyword" else 1.0
    relevance = {each.article_id: each.score / best for each in hits}
    return freshen(relevance, updated, services.utc_now(), weight)


ROUTES: Sequence[HTTPRouteHandler] = (search_articles, show_index, show_index_of_project, show_context)
