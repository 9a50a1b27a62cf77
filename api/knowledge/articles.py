"""Articles of the knowledge wiki: /api/v1/articles, and those of a project."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import structs

from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.knowledge import changing
from api.knowledge.examples import ARTICLE, LINKED
from api.knowledge.reads import reading_of, said
from api.knowledge.schemas import (
    ArticlesOfProjectQuery,
    ArticlesQuery,
    CreateArticleBody,
    CreateArticleOfProjectBody,
    ReadingQuery,
    UpdateArticleBody,
    article_body,
    shown_link,
)
from api.pages import page_of
from api.paths import ArticlePath, ProjectPath
from api.projects.examples import META
from api.projects.routes import check_there, project_id_of
from api.services import Provided, Services
from domain.errors import NotFound
from projections.rows.articles import ARTICLES, list_articles, list_links

TAGS = ["Knowledge"]
RETRYABLE = ("idempotency_key_reused",)
ONE = "/api/v1/articles/{article_id:uuid}"
OF_PROJECT = "/api/v1/projects/{project:str}/articles"
MOST_LINKS = 100
"""Of one article, in its answer; its list has them all."""
CREATING: dict[str, Any] = {
    "opt": {"access": "agent+", "errors": ("publishing_forbidden", "system_scope_forbidden", *RETRYABLE)},
    "tags": TAGS,
    "description": "A draft, unless an orchestrator or a person says that it is published. No two drafts or published "
    "articles of a tenant have one title.",
    "status_code": 201,
    "responses": answers(201, "The article", {"data": ARTICLE}),
}
LISTING: dict[str, Any] = {
    "opt": {"access": "agent+"},
    "tags": TAGS,
    "description": "The newest first, in every status unless one is asked for.",
    "responses": answers(200, "A page of articles", {"data": [ARTICLE], "meta": META}),
}
CHANGING: dict[str, Any] = {
    "opt": {"access": "user+", "errors": ("rejected", *RETRYABLE)},
    "tags": TAGS,
    "description": "What is left out or null stays. A status follows the same steps as publish, unpublish and archive.",
    "responses": answers(200, "The article", {"data": ARTICLE}),
}


@post("/api/v1/articles", summary="File an article", **CREATING)
async def create_article_of_tenant(
    services: Provided, asking: Asker, data: JSONBody[CreateArticleBody]
) -> Response[bytes]:
    return await changing.create(services, asking, data)


@post(OF_PROJECT, summary="File an article of a project", **CREATING)
async def create_article_of_project(
    services: Provided, asking: Asker, project: ProjectPath, data: JSONBody[CreateArticleOfProjectBody]
) -> Response[bytes]:
    return await changing.create(services, asking, data, project)


@get("/api/v1/articles", summary="List articles", **LISTING)
async def list_articles_of_tenant(
    services: Provided, asking: Asker, wanted: NamedDependency[ArticlesQuery]
) -> dict[str, Any]:
    return await _listed(services, asking, wanted, wanted.project_id or None)


@get(OF_PROJECT, summary="List the articles of a project", **LISTING)
async def list_articles_of_project(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[ArticlesOfProjectQuery]
) -> dict[str, Any]:
    project_id = await project_id_of(services, asking, project)
    await check_there(services, asking, project_id)
    return await _listed(services, asking, wanted, project_id)


@get(
    ONE,
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show an article",
    description=f"With its newest links, {MOST_LINKS} at most.",
    responses=answers(200, "The article and its links", {"data": LINKED}),
)
async def show_article(
    services: Provided, asking: Asker, article_id: ArticlePath, wanted: NamedDependency[ReadingQuery]
) -> dict[str, Any]:
    async with services.reading(asking.caller.tenant_id) as tx:
        found = (await ARTICLES.load(tx, [article_id])).get(article_id)
        links, _ = await list_links(tx, article_id, MOST_LINKS, 0)
    if found is None:
        raise NotFound("Not found")
    read = reading_of(asking, "get", [article_id], services.utc_now())
    services.note_reads(structs.replace(read, project=said(wanted.project_id), story=said(wanted.story_id)))
    outgoing = [shown_link(each) for each in links if each.link.source_article_id == article_id]
    incoming = [shown_link(each) for each in links if each.link.target_article_id == article_id]
    shown = article_body(asking.caller.tenant_id, found)
    return {"data": {**shown, "outgoing_links": outgoing, "incoming_links": incoming}}


@patch(ONE, summary="Change an article", **CHANGING)
async def update_article_of_tenant(
    services: Provided, asking: Asker, article_id: ArticlePath, data: JSONBody[UpdateArticleBody]
) -> Response[bytes]:
    return await changing.update(services, asking, article_id, data.fields())


@put(ONE, summary="Change an article (as PATCH)", **CHANGING)
async def replace_article_of_tenant(
    services: Provided, asking: Asker, article_id: ArticlePath, data: JSONBody[UpdateArticleBody]
) -> Response[bytes]:
    return await changing.update(services, asking, article_id, data.fields())


@delete(
    ONE,
    opt={"access": "user+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Retire an article",
    description="Into the archive, from whatever status. It stays there, with its links.",
    status_code=200,
    responses=answers(200, "The article", {"data": {**ARTICLE, "status": "archived"}}),
)
async def retire_article_of_tenant(services: Provided, asking: Asker, article_id: ArticlePath) -> Response[bytes]:
    return await changing.retire(services, asking, article_id)


async def _listed(
    services: Services, asking: Asking, wanted: ArticlesOfProjectQuery, project_id: UUID | None
) -> dict[str, Any]:
    page, tenant_id = page_of(wanted), asking.caller.tenant_id
    async with services.reading(tenant_id) as tx:
        found, total = await list_articles(tx, wanted.wanted(project_id), page.limit, page.offset)
    return page.answer([article_body(tenant_id, each) for each in found], total)


ROUTES: Sequence[HTTPRouteHandler] = (
    create_article_of_tenant,
    create_article_of_project,
    list_articles_of_tenant,
    list_articles_of_project,
    show_article,
    update_article_of_tenant,
    replace_article_of_tenant,
    retire_article_of_tenant,
)
