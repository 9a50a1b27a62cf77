"""The public wiki: the articles that come with the server, as pages and as JSON."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import UNSET, Meta, Struct, UnsetType

from api.documentation.responses import answers
from api.knowledge.articles import TAGS
from api.web.markdown import to_html
from api.web.rendering import page
from api.web.routes import ANY_ACCEPT
from api.wiki.shipped import CATEGORY, WRITTEN, search, shipped, system_body
from domain.errors import NotFound
from domain.knowledge.events import Category

EXAMPLE: dict[str, Any] = {
    "id": "5b0c1d53-4e6f-5d44-8a52-0d1e3a5f7c11",
    "title": "Agent pattern",
    "slug": "agent-pattern",
    "body": "# Agent pattern\n\nWhat becomes of a story, and which call does it.",
    "category": CATEGORY,
    "scope": "system",
    "status": "published",
    "tags": [],
    "inserted_at": WRITTEN,
    "updated_at": WRITTEN,
}


class SystemQuery(Struct, frozen=True, kw_only=True):
    slug: Annotated[str, Meta(description="Only this one, which data then is.")] | UnsetType = UNSET
    category: Annotated[Category, Meta(description="Only these.")] | UnsetType = UNSET


class WikiQuery(Struct, frozen=True, kw_only=True):
    q: Annotated[str, Meta(description="Only articles with this in them.")] | UnsetType = UNSET


@get(
    "/api/v1/articles/system",
    opt={"access": "public"},
    tags=TAGS,
    summary="List the articles that come with the server",
    description="What this service is and what its refusals mean; the same that /wiki shows. With slug one of them.",
    responses=answers(200, "The articles, by title", {"data": [EXAMPLE]}),
)
async def list_system_articles(wanted: NamedDependency[SystemQuery]) -> dict[str, Any]:
    if wanted.slug:
        found = shipped().get(wanted.slug)
        if found is None:
            raise NotFound("System article not found")
        return {"data": system_body(found)}
    listed = [] if wanted.category and wanted.category != CATEGORY else shipped().values()
    return {"data": [system_body(each) for each in listed]}


@get("/wiki", opt=ANY_ACCEPT, include_in_schema=False, summary="The wiki")
async def show_wiki(wanted: NamedDependency[WikiQuery]) -> Response[bytes]:
    text = (wanted.q or "")[:200]
    return page("wiki.html", articles=search(text), q=text)


@get("/wiki/{slug:str}", opt=ANY_ACCEPT, include_in_schema=False, summary="An article of the wiki")
async def show_wiki_article(slug: FromPath[str]) -> Response[bytes]:
    found = shipped().get(slug)
    if found is None:
        return page("wiki_missing.html", status=404)
    return page("wiki_article.html", article=found, text=to_html(found.body), articles=shipped().values())


ROUTES: Sequence[HTTPRouteHandler] = (list_system_articles, show_wiki, show_wiki_article)
