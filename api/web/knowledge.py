"""Knowledge: articles by how they stand, and one with its text and its links."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import UNSET, Meta, UnsetType

from api.http.asking import Asker
from api.http.endpoints import SentHeaders
from api.knowledge.articles import list_articles_of_tenant, show_article
from api.knowledge.curating import list_drafts
from api.knowledge.finding import search_articles
from api.knowledge.finding_schemas import SearchQuery
from api.knowledge.linting import LintQuery, lint_knowledge
from api.knowledge.schemas import ArticlesQuery, DraftsQuery, ReadingQuery
from api.paths import ArticlePath
from api.projects.routes import list_projects_of_tenant
from api.projects.schemas import ProjectsQuery
from api.services import Provided
from api.web.markdown import to_html
from api.web.reading import Reader
from api.web.showing import OF_SESSION, ShownQuery, shown, table
from domain.errors import NotFound

STATUSES = ("published", "draft", "superseded", "archived")
CATEGORIES = ("pattern", "convention", "decision", "finding", "reference")
A_PAGE, MOST_DRAFTS = 25, 10


class ShownArticlesQuery(ShownQuery, frozen=True, kw_only=True):
    project: Annotated[str, Meta(max_length=100, description="Slug: only of this project")] = ""
    category: Annotated[
        Literal["", "pattern", "convention", "decision", "finding", "reference"], Meta(description="Only these")
    ] = ""
    status: Annotated[Literal["", "published", "draft", "superseded", "archived"], Meta(description="Only these")] = (
        "published"
    )
    tag: Annotated[str, Meta(max_length=100, description="Only with this tag")] = ""
    page: Annotated[int, Meta(ge=1, le=10_000, description="Page, from 1")] = 1
    q: Annotated[str, Meta(max_length=500, description="Words to look for in what is published")] = ""


@get("/app/knowledge", opt=OF_SESSION, include_in_schema=False, summary="What reviews and work have taught")
async def show_articles(
    services: Provided, asking: Asker, sent_headers: SentHeaders, wanted: NamedDependency[ShownArticlesQuery]
) -> Response[bytes]:
    reader = Reader(services, asking)
    projects = await reader.all(list_projects_of_tenant, ProjectsQuery(page_size=100))
    ids = {each["slug"]: UUID(each["id"]) for each in projects}
    if wanted.project and wanted.project not in ids:
        raise NotFound("Not found")
    found = await _found(reader, wanted, ids.get(wanted.project, UNSET))
    if wanted.format != "html":
        return table(found["data"], wanted.format, "articles")
    drafts: Any = {"data": [], "meta": {"total_count": 0}}
    if reader.may(list_drafts):
        drafts = await reader.read(list_drafts, wanted=DraftsQuery(page_size=MOST_DRAFTS))
    lint = (await reader.read(lint_knowledge, wanted=LintQuery())) if reader.may(lint_knowledge) else None
    return await shown(
        reader, sent_headers, "knowledge.html", active="knowledge", wanted=wanted, articles=found["data"],
        meta=found["meta"], drafts=drafts["data"], waiting=drafts["meta"]["total_count"], projects=projects,
        names={each["id"]: each["name"] for each in projects}, statuses=STATUSES, categories=CATEGORIES, lint=lint,
    )  # fmt: skip


async def _found(reader: Reader, wanted: ShownArticlesQuery, project_id: UUID | UnsetType) -> Any:
    """By words among what is published, or by what the filters say."""
    only: dict[str, Any] = {
        "project_id": project_id, "category": wanted.category or UNSET, "tags": wanted.tag or UNSET,
        "page": wanted.page, "page_size": A_PAGE,
    }  # fmt: skip
    if wanted.q.strip():
        return await reader.read(search_articles, wanted=SearchQuery(q=wanted.q, **only))
    return await reader.read(list_articles_of_tenant, wanted=ArticlesQuery(status=wanted.status or UNSET, **only))


@get("/app/knowledge/{article_id:uuid}", opt=OF_SESSION, include_in_schema=False, summary="An article")
async def show_article_page(
    services: Provided, asking: Asker, sent_headers: SentHeaders, article_id: ArticlePath
) -> Response[bytes]:
    reader = Reader(services, asking)
    article = (await reader.read(show_article, article_id=article_id, wanted=ReadingQuery()))["data"]
    body = article["body"].removeprefix(f"# {article['title']}\n")  # which the page says already
    text = await asyncio.to_thread(to_html, body, 1)
    return await shown(reader, sent_headers, "article.html", active="knowledge", article=article, text=text)


ROUTES: Sequence[HTTPRouteHandler] = (show_articles, show_article_page)
