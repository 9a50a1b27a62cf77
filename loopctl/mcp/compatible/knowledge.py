"""The wiki: reading it, keeping it, filling it, and what is read."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from loopctl.cli.asked import Asked
from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import ID
from loopctl.mcp.arguments import Arguments
from loopctl.mcp.compatible.asking import (
    Id,
    MaybeCount,
    MaybeId,
    MaybeName,
    MaybeText,
    Name,
    Nothing,
    Object,
    OfArticle,
    Text,
    asks,
    members,
    most,
)  # fmt: skip
from loopctl.mcp.tools import ENDS, READS, WRITES, Tool

Days = Annotated[int, Meta(ge=1, le=365)] | UnsetType
Hundred = Annotated[int, Meta(ge=1, le=100)] | UnsetType
ONE_IDENTITY = "pass exactly one of api_key_id or agent_id"
DEPRECATED = "agent_id is the older way: say api_key_id, which names one identity exactly."


class Attributed(Arguments, frozen=True, kw_only=True):
    """Of a read: for which work it was."""

    project_id: MaybeId = UNSET
    story_id: Annotated[Id, Meta(description="The story that you work on.")] | UnsetType = UNSET


class Search(Attributed, frozen=True, kw_only=True):
    q: Text
    category: MaybeName = UNSET
    tags: Annotated[str, Meta(description="With commas.")] | UnsetType = UNSET
    mode: Literal["keyword", "semantic", "combined"] | UnsetType = UNSET
    limit: MaybeCount = UNSET


class Get(Attributed, frozen=True, kw_only=True):
    article_id: Id


class Context(Attributed, frozen=True, kw_only=True):
    query: Text
    limit: MaybeCount = UNSET
    recency_weight: Annotated[float, Meta(ge=0, le=1)] | UnsetType = UNSET


class NewArticle(Arguments, frozen=True, kw_only=True):
    title: Text
    body: Text
    category: MaybeName = UNSET
    tags: list[str] | UnsetType = UNSET
    project_id: MaybeName = UNSET


class Articles(Arguments, frozen=True, kw_only=True):
    article_ids: Annotated[list[Id], Meta(min_length=1, max_length=100)]


class Drafts(Arguments, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, description="At most 20.")] | UnsetType = UNSET
    offset: MaybeCount = UNSET
    project_id: MaybeId = UNSET


class Lint(Arguments, frozen=True, kw_only=True):
    project_id: MaybeId = UNSET
    stale_days: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    min_coverage: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    max_per_category: Annotated[int, Meta(ge=1, le=500)] | UnsetType = UNSET


class OfOneProject(Arguments, frozen=True, kw_only=True):
    project_id: MaybeId = UNSET


class Source(Arguments, frozen=True, kw_only=True):
    source_type: Name
    url: MaybeText = UNSET
    content: MaybeText = UNSET
    project_id: MaybeName = UNSET


class Item(Source, frozen=True, kw_only=True):
    metadata: Object | UnsetType = UNSET


class Sources(Arguments, frozen=True, kw_only=True):
    items: Annotated[list[Item], Meta(min_length=1, max_length=50)]
    project_id: Annotated[Name, Meta(description="Of items that name none.")] | UnsetType = UNSET


class Top(Arguments, frozen=True, kw_only=True):
    limit: Hundred = UNSET
    since_days: Days = UNSET
    access_type: Literal["search", "get", "context", "index"] | UnsetType = UNSET


class OfIdentity(Arguments, frozen=True, kw_only=True):
    api_key_id: MaybeName = UNSET
    agent_id: MaybeName = UNSET
    limit: Hundred = UNSET
    since_days: Days = UNSET


class Unused(Arguments, frozen=True, kw_only=True):
    days_unused: Days = UNSET
    limit: Annotated[int, Meta(ge=1, le=200)] | UnsetType = UNSET


def _of_project(path: str, given: Any) -> tuple[str, Object]:
    """The project's own path, where one is said, and the rest of the query."""
    said = members(given)
    project = said.pop("project_id", None)
    return (f"projects/{project}/knowledge/{path}" if project else f"knowledge/{path}"), said


def knowledge_index(asked: Asked, given: Attributed) -> Any:
    path, query = _of_project("index", given)
    return asked.client.get(path, **query)


def knowledge_lint(asked: Asked, given: Lint) -> Any:
    path, query = _of_project("lint", given)
    return asked.client.get(path, **query)


def knowledge_drafts(asked: Asked, given: Drafts) -> Any:
    return asked.client.get("knowledge/drafts", **most(members(given)))


def knowledge_export(asked: Asked, given: OfOneProject) -> Any:
    """Says the command; the archive is for a file and not for a transcript."""
    path, _ = _of_project("export", given)
    endpoint = f"/api/v1/{path}"
    command = (
        f'curl -H "Authorization: Bearer $LOOPCTL_ORCH_KEY" "{asked.client.server}{endpoint}" -o knowledge-export.zip'
    )
    return {"message": "Run the command to have the archive.", "command": command, "endpoint": endpoint}


def knowledge_ingest_batch(asked: Asked, given: Sources) -> Any:
    said = members(given)
    default: Object = {"project_id": said["project_id"]} if "project_id" in said else {}
    return asked.client.post("knowledge/ingest/batch", {"items": [{**default, **item} for item in said["items"]]})


def knowledge_agent_usage(asked: Asked, given: OfIdentity) -> Any:
    said = members(given)
    named = {name: value for name in ("api_key_id", "agent_id") if (value := str(said.pop(name, "")).strip())}
    if len(named) != 1:
        raise Stop(Exit.USAGE, f"Error: {ONE_IDENTITY}.", "Best api_key_id.")
    ((name, id_),) = named.items()
    if not ID.fullmatch(id_):
        raise Stop(Exit.USAGE, f"Error: {name} must be a canonical UUID (8-4-4-4-12 hex).", "")
    answer = asked.client.get(f"knowledge/analytics/agents/{id_}", **said)
    return {**answer, "_meta": {"deprecation_hint": DEPRECATED}} if name == "agent_id" else answer


TOOLS = (
    Tool("knowledge_index", "Wiki: index", READS, Attributed, knowledge_index, "Titles by category.", key="agent"),
    Tool(
        "knowledge_search", "Wiki: search", READS, Search, asks("GET", "knowledge/search"),
        "Passages for a query. Say story_id.", key="agent",
    ),
    Tool(
        "knowledge_get", "Wiki: article", READS, Get, asks("GET", "articles/{article_id}"),
        "One article in full. Say story_id.", key="agent",
    ),
    Tool(
        "knowledge_context", "Wiki: for a task", READS, Context, asks("GET", "knowledge/context"),
        "The best articles for a task, in full. Say story_id.", key="agent",
    ),
    Tool(
        "knowledge_create", "Wiki: new article", WRITES, NewArticle, asks("POST", "articles"),
        "Write down a finding, pattern or decision.", key="agent",
    ),
    Tool(
        "knowledge_publish", "Wiki: publish", WRITES, OfArticle, asks("POST", "articles/{article_id}/publish"),
        "Publish a draft.", key="orch",
    ),
    Tool(
        "knowledge_bulk_publish", "Wiki: publish many", WRITES, Articles, asks("POST", "knowledge/bulk-publish"),
        "Up to 100 drafts, all or none.", key="user",
    ),
    Tool(
        "knowledge_unpublish", "Wiki: unpublish", ENDS, OfArticle, asks("POST", "articles/{article_id}/unpublish"),
        "Make a draft of an article again.", key="user",
    ),
    Tool(
        "knowledge_archive", "Wiki: archive", ENDS, OfArticle, asks("POST", "articles/{article_id}/archive"),
        "Put an article away.", key="user",
    ),
    Tool(
        "knowledge_delete", "Wiki: delete", ENDS, OfArticle, asks("DELETE", "articles/{article_id}"),
        "Put an article away, whatever its status.", key="user",
    ),
    Tool("knowledge_drafts", "Wiki: drafts", READS, Drafts, knowledge_drafts, "What is not published.", key="orch"),
    Tool("knowledge_lint", "Wiki: health", READS, Lint, knowledge_lint, "Stale and missing articles.", key="orch"),
    Tool(
        "knowledge_export", "Wiki: export", READS, OfOneProject, knowledge_export,
        "How to have all articles as an archive.", key="public",
    ),
    Tool(
        "knowledge_ingest", "Wiki: read in", WRITES, Source, asks("POST", "knowledge/ingest"),
        "Queue one source, by url or content.", key="orch", repeats=True,
    ),
    Tool(
        "knowledge_ingest_batch", "Wiki: read many in", WRITES, Sources, knowledge_ingest_batch,
        "Queue up to 50 sources.", key="orch", repeats=True,
    ),
    Tool(
        "knowledge_ingestion_jobs", "Wiki: what is read in", READS, Nothing, asks("GET", "knowledge/ingestion-jobs"),
        "Sources of the last days.", key="orch",
    ),
    Tool(
        "knowledge_analytics_top", "Wiki: most read", READS, Top, asks("GET", "knowledge/analytics/top-articles"),
        "Articles by how often they are read.", key="orch",
    ),
    Tool(
        "knowledge_article_stats", "Wiki: reads", READS, OfArticle,
        asks("GET", "knowledge/articles/{article_id}/stats"), "How one article is read.", key="orch",
    ),
    Tool(
        "knowledge_agent_usage", "Wiki: who reads", READS, OfIdentity, knowledge_agent_usage,
        "What one identity reads: api_key_id or agent_id.", key="orch",
    ),
    Tool(
        "knowledge_unused_articles", "Wiki: never read", READS, Unused,
        asks("GET", "knowledge/analytics/unused-articles"), "Articles that nobody has read.", key="orch",
    ),
)  # fmt: skip
