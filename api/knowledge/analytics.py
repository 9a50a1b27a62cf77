"""What of the wiki is read, by whom, for which work, and what is not."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from api.documentation.responses import answers
from api.http.asking import Asker
from api.knowledge.articles import TAGS
from api.knowledge.examples import OF_AGENT, OF_PROJECT, STATS, TOP, UNUSED
from api.paths import ArticlePath, ProjectPath, ReaderPath
from api.projects.routes import project_id_of
from api.services import Provided
from api.times import wire_time
from domain.errors import NotFound
from eventstore.database.transaction import TenantTx
from projections.rows.agents import AGENTS
from projections.rows.article_reads import (
    AccessType,
    Counted,
    daily_reads,
    keys_of,
    recent_reads,
    top_articles,
    top_readers,
    totals,
    unused_articles,
)
from projections.rows.articles import ARTICLES
from projections.rows.projects import find_project

ORCHESTRATORS: Mapping[str, Any] = {"access": "orchestrator+"}
EVER = datetime(1970, 1, 1, tzinfo=UTC)
Days = Annotated[int, Meta(ge=1, le=365, description="Days to look back; default 7.")]
Most = Annotated[int, Meta(ge=1, le=100, description="Lines at most; default 20.")]


class UsageQuery(Struct, frozen=True, kw_only=True):
    limit: Most = 20
    since_days: Days = 7


class TopQuery(UsageQuery, frozen=True, kw_only=True):
    access_type: Annotated[AccessType, Meta(description="Only these reads.")] | UnsetType = UNSET
    project_id: Annotated[UUID, Meta(description="Only reads for this project.")] | UnsetType = UNSET
    group_by: (
        Annotated[Literal["article", "project", "agent"], Meta(description="What each line is of; default article.")]
        | UnsetType
    ) = UNSET


class UnusedQuery(Struct, frozen=True, kw_only=True):
    days_unused: Annotated[int, Meta(ge=1, le=365, description="Days without a read; default 30.")] = 30
    limit: Annotated[int, Meta(ge=1, le=200, description="Articles at most; default 50.")] = 50


@get(
    "/api/v1/knowledge/analytics/top-articles",
    opt=ORCHESTRATORS,
    tags=TAGS,
    summary="Show what is read most",
    description="By article, or by the project or the agent that it is read for. Only reads whose work is known count "
    "for a project.",
    responses=answers(200, "The first lines", TOP),
)
async def show_top_articles(services: Provided, asking: Asker, wanted: NamedDependency[TopQuery]) -> dict[str, Any]:
    since = services.utc_now() - timedelta(days=wanted.since_days)
    by = wanted.group_by or "article"
    of = Counted(since=since, access_type=wanted.access_type or None, project_id=wanted.project_id or None)
    async with services.reading(asking.caller.tenant_id) as tx:
        if by == "article":
            rows = await top_articles(tx, of, wanted.limit)
        else:
            rows = await top_readers(tx, of, wanted.limit, by=by)
    meta = {
        "count": len(rows),
        "limit": wanted.limit,
        "since": wire_time(since),
        "access_type": of.access_type,
        "project_id": of.project_id,
        "group_by": by,
    }
    return {"data": [dict(row) for row in rows], "meta": meta}


@get(
    "/api/v1/knowledge/analytics/unused-articles",
    opt=ORCHESTRATORS,
    tags=TAGS,
    summary="Show what nobody reads",
    description="Published articles without a read in so many days, the oldest first.",
    responses=answers(200, "Articles", UNUSED),
)
async def show_unused_articles(
    services: Provided, asking: Asker, wanted: NamedDependency[UnusedQuery]
) -> dict[str, Any]:  # fmt: skip
    since = services.utc_now() - timedelta(days=wanted.days_unused)
    async with services.reading(asking.caller.tenant_id) as tx:
        rows = await unused_articles(tx, since, wanted.limit)
    data = [
        {
            "article_id": row["article_id"],
            "title": row["title"],
            "category": row["category"],
            "tags": row["tags"],
            "inserted_at": wire_time(row["created_at"]),
            "updated_at": wire_time(row["updated_at"]),
        }
        for row in rows
    ]
    return {"data": data, "meta": {"count": len(data), "days_unused": wanted.days_unused, "limit": wanted.limit}}


@get(
    "/api/v1/knowledge/analytics/agents/{reader_id:uuid}",
    opt=ORCHESTRATORS,
    tags=TAGS,
    summary="Show what a key or an agent reads",
    description="Of an agent, all of its keys together; revoked ones count for the totals alone.",
    responses=answers(200, "Its reads", OF_AGENT),
)
async def show_reads_of_agent(
    services: Provided, asking: Asker, reader_id: ReaderPath, wanted: NamedDependency[UsageQuery]
) -> dict[str, Any]:
    since = services.utc_now() - timedelta(days=wanted.since_days)
    async with services.reading(asking.caller.tenant_id) as tx:
        keys = await keys_of(tx, reader_id)
        whose = await _whose(tx, reader_id, keys)
        of = Counted(since=since, key_ids=[row["key_id"] for row in keys])
        counts, by_type = await totals(tx, of)
        live = [row["key_id"] for row in keys if row["live"] or row["key_id"] == reader_id]
        top = await top_articles(tx, structs.replace(of, key_ids=live), wanted.limit)
    return {
        "data": {**whose, **_summed(counts, by_type), "top_articles": _top(top)},
        "meta": {"limit": wanted.limit, "since": wire_time(since)},
    }


@get(
    "/api/v1/knowledge/analytics/projects/{project:str}/usage",
    opt=ORCHESTRATORS,
    tags=TAGS,
    summary="Show what is read for a project",
    description="With a line for each day, in UTC, today's last.",
    responses=answers(200, "Its reads", OF_PROJECT),
)
async def show_reads_of_project(
    services: Provided, asking: Asker, project: ProjectPath, wanted: NamedDependency[UsageQuery]
) -> dict[str, Any]:
    project_id = await project_id_of(services, asking, project)
    today = services.utc_now().date()
    days = [today - timedelta(days=back) for back in reversed(range(wanted.since_days))]
    of = Counted(since=datetime(days[0].year, days[0].month, days[0].day, tzinfo=UTC), project_id=project_id)
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await find_project(tx, project_id)
        if found is None:
            raise NotFound("Not found")
        counts, by_type = await totals(tx, of)
        top = await top_articles(tx, of, wanted.limit)
        daily = await daily_reads(tx, project_id, of.since)
    data = {
        "project_id": project_id,
        "project_name": found.name,
        **_summed(counts, by_type),
        "unique_api_keys": counts["keys"],
        "unique_agents": counts["agents"],
        "top_articles": _top(top),
        "daily_series": [{"date": day.isoformat(), "read_count": daily.get(day, 0)} for day in days],
    }
    return {"data": data, "meta": {"since_days": wanted.since_days}}


@get(
    "/api/v1/knowledge/articles/{article_id:uuid}/stats",
    opt=ORCHESTRATORS,
    tags=TAGS,
    summary="Show who reads an article",
    description="Since it was filed; looking here is no read.",
    responses=answers(200, "Its reads", STATS),
)
async def show_article_stats(services: Provided, asking: Asker, article_id: ArticlePath) -> dict[str, Any]:
    async with services.reading(asking.caller.tenant_id) as tx:
        article = (await ARTICLES.load(tx, [article_id])).get(article_id)
        if article is None:
            raise NotFound("Not found")
        counts, by_type = await totals(tx, Counted(since=EVER, article_id=article_id))
        recent = await recent_reads(tx, article_id)
    data = {
        "article_id": article_id,
        "title": article.title,
        "category": article.category,
        "status": article.status,
        "tags": article.tags,
        "total_accesses": counts["reads"],
        "unique_agents": counts["keys"],
        "last_accessed_at": wire_time(recent[0]["accessed_at"]) if recent else None,
        "accesses_by_type": by_type,
        "recent_accesses": [
            {
                "id": row["access_id"],
                "api_key_id": row["key_id"],
                "access_type": row["access_type"],
                "metadata": {
                    name: row[name] for name in ("query", "mode", "rank") if row[name] is not None
                },
                "accessed_at": wire_time(row["accessed_at"]),
            }
            for row in recent
        ],
    }  # fmt: skip
    return {"data": data}


async def _whose(tx: TenantTx, reader_id: UUID, keys: Sequence[Any]) -> dict[str, Any]:
    """Raises NotFound for the id of neither a key nor an agent."""
    if any(row["key_id"] == reader_id for row in keys):
        return {"resolved_as": "api_key", "api_key_id": reader_id}
    agent = (await AGENTS.load(tx, [reader_id])).get(reader_id)
    if agent is None:
        raise NotFound("Not found")
    return {
        "resolved_as": "agent",
        "agent_id": reader_id,
        "agent_name": agent.name,
        "agent_type": agent.agent_type,
        "api_key_count": sum(row["live"] for row in keys),
    }


def _summed(counts: Any, by_type: Mapping[str, int]) -> dict[str, Any]:
    return {"total_reads": counts["reads"], "unique_articles": counts["articles"], "access_by_type": by_type}


def _top(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in ("article_id", "title", "category", "access_count")} for row in rows]


ROUTES: Sequence[HTTPRouteHandler] = (
    show_top_articles,
    show_unused_articles,
    show_reads_of_agent,
    show_reads_of_project,
    show_article_stats,
)
