"""The way of articles from draft to published and back, and the links between them."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.documentation.responses import answers, answers_nothing
from api.http.asking import Asker
from api.knowledge import changing
from api.knowledge.articles import ONE, RETRYABLE, TAGS
from api.knowledge.examples import ARTICLE, LINK, PUBLISHED, SHOWN_LINK
from api.knowledge.schemas import BulkPublishBody, CreateLinkBody, DraftsQuery, article_body, shown_link
from api.pages import PageQuery, Sizes, page_of
from api.paths import ArticlePath, LinkPath
from api.projects.examples import META
from api.services import Provided
from domain.errors import NotFound
from projections.rows.articles import ARTICLES, ArticleFilter, list_articles, list_links

MOVING = ("rejected", *RETRYABLE)
LINKS = Sizes(default=100)


@post(
    ONE + "/publish",
    opt={"access": "orchestrator+", "errors": MOVING},
    tags=TAGS,
    summary="Publish a draft",
    status_code=200,
    responses=answers(200, "The article", {"data": PUBLISHED}),
)
async def publish_article(services: Provided, asking: Asker, article_id: ArticlePath) -> Response[bytes]:
    return await changing.move(services, asking, article_id, "published")


@post(
    ONE + "/unpublish",
    opt={"access": "user+", "errors": MOVING},
    tags=TAGS,
    summary="Make an article a draft again",
    description="One that is published, or that another supersedes.",
    status_code=200,
    responses=answers(200, "The article", {"data": ARTICLE}),
)
async def unpublish_article(services: Provided, asking: Asker, article_id: ArticlePath) -> Response[bytes]:
    return await changing.move(services, asking, article_id, "draft")


@post(
    ONE + "/archive",
    opt={"access": "user+", "errors": MOVING},
    tags=TAGS,
    summary="Archive an article",
    description="One that is a draft or published. Nothing leaves the archive.",
    status_code=200,
    responses=answers(200, "The article", {"data": {**ARTICLE, "status": "archived"}}),
)
async def archive_article(services: Provided, asking: Asker, article_id: ArticlePath) -> Response[bytes]:
    return await changing.move(services, asking, article_id, "archived")


@post(
    "/api/v1/knowledge/bulk-publish",
    opt={"access": "user+", "errors": MOVING},
    tags=TAGS,
    summary="Publish up to 100 drafts",
    description="All of them or none.",
    status_code=200,
    responses=answers(200, "The articles", {"data": [PUBLISHED], "meta": {"count": 1}}),
)
async def publish_articles_of_tenant(
    services: Provided, asking: Asker, data: JSONBody[BulkPublishBody]
) -> Response[bytes]:
    return await changing.publish_all(services, asking, data.article_ids or ())


@get(
    "/api/v1/knowledge/drafts",
    opt={"access": "orchestrator+"},
    tags=TAGS,
    summary="List drafts",
    description="The newest first, in full: what waits for somebody to publish it.",
    responses=answers(200, "A page of drafts", {"data": [ARTICLE], "meta": META}),
)
async def list_drafts(services: Provided, asking: Asker, wanted: NamedDependency[DraftsQuery]) -> dict[str, Any]:
    page, tenant_id = page_of(wanted), asking.caller.tenant_id
    drafts = ArticleFilter(project_id=wanted.project_id or None, status="draft")
    async with services.reading(tenant_id) as tx:
        found, total = await list_articles(tx, drafts, page.limit, page.offset)
    return page.answer([article_body(tenant_id, each) for each in found], total)


@post(
    "/api/v1/article_links",
    opt={"access": "agent+", "errors": ("publishing_forbidden", *MOVING)},
    tags=TAGS,
    summary="Link two articles",
    description="supersedes retires its target, and takes an orchestrator or a person.",
    status_code=201,
    responses=answers(201, "The link", {"data": LINK}),
)
async def link_articles(services: Provided, asking: Asker, data: JSONBody[CreateLinkBody]) -> Response[bytes]:
    return await changing.link(services, asking, data.wish())


@delete(
    "/api/v1/article_links/{link_id:uuid}",
    opt={"access": "user+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Delete a link",
    description="What was superseded by it stays so; unpublish makes it a draft again.",
    status_code=204,
    responses=answers_nothing(204, "It is gone"),
)
async def unlink_articles(services: Provided, asking: Asker, link_id: LinkPath) -> Response[None]:
    return await changing.unlink(services, asking, link_id)


@get(
    ONE + "/links",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List the links of an article",
    description="In both directions, the newest first.",
    responses=answers(200, "A page of links", {"data": [SHOWN_LINK], "meta": {**META, "page_size": 100}}),
)
async def list_links_of_article(
    services: Provided, asking: Asker, article_id: ArticlePath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    page = page_of(wanted, LINKS)
    async with services.reading(asking.caller.tenant_id) as tx:
        if not await ARTICLES.load(tx, [article_id]):
            raise NotFound("Not found")
        found, total = await list_links(tx, article_id, page.limit, page.offset)
    return page.answer([shown_link(each) for each in found], total)


ROUTES: Sequence[HTTPRouteHandler] = (
    publish_article,
    unpublish_article,
    archive_article,
    publish_articles_of_tenant,
    list_drafts,
    link_articles,
    unlink_articles,
    list_links_of_article,
)
