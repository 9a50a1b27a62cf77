"""Reads of articles: in no event and in no rebuild, and written a moment after the answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import TenantTx

AccessType = Literal["search", "get", "context", "index"]

# What a client says of its work counts only where it is the tenant's; a story alone says its project, and a project
# that is none is not made good by the story's.
INSERT = """
    INSERT INTO app.article_access
           (tenant_id, access_id, article_id, key_id, project_id, story_id, access_type, query, mode, rank, accessed_at)
    SELECT $1::uuid, g.access_id, g.article_id, g.key_id,
           CASE WHEN g.project_id IS NULL THEN s.project_id ELSE p.project_id END, s.story_id, g.access_type, g.query,
           g.mode, g.rank, g.accessed_at
      FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[],
                  $10::integer[], $11::timestamptz[])
           AS g (access_id, article_id, key_id, project_id, story_id, access_type, query, mode, rank, accessed_at)
      LEFT JOIN app.project AS p ON p.tenant_id = $1 AND p.project_id = g.project_id
      LEFT JOIN app.story AS s ON s.tenant_id = $1 AND s.story_id = g.story_id
"""

TOP_ARTICLES = """
    SELECT a.article_id, a.title, a.category, count(*) AS access_count, count(DISTINCT r.key_id) AS unique_agents
      FROM app.article_access AS r
      JOIN app.article AS a ON a.tenant_id = $1 AND a.article_id = r.article_id
     WHERE r.tenant_id = $1 AND r.accessed_at >= $2
       AND ($3::text IS NULL OR r.access_type = $3)
       AND ($4::uuid IS NULL OR r.project_id = $4)
       AND ($5::uuid[] IS NULL OR r.key_id = ANY ($5))
     GROUP BY a.article_id, a.title, a.category
     ORDER BY access_count DESC, a.title, a.article_id
     LIMIT $6
"""

TOP_PROJECTS = """
    SELECT p.project_id, p.name AS project_name, count(*) AS access_count,
           count(DISTINCT r.article_id) AS unique_articles, count(DISTINCT r.key_id) AS unique_api_keys
      FROM app.article_access AS r
      JOIN app.project AS p ON p.tenant_id = $1 AND p.project_id = r.project_id
     WHERE r.tenant_id = $1 AND r.accessed_at >= $2
       AND ($3::text IS NULL OR r.access_type = $3)
       AND ($4::uuid IS NULL OR r.project_id = $4)
     GROUP BY p.project_id, p.name
     ORDER BY access_count DESC, p.name, p.project_id
     LIMIT $5
"""

TOP_AGENTS = """
    SELECT a.agent_id, a.agent_type,
           CASE WHEN k.key_id IS NULL OR k.revoked_at IS NOT NULL THEN 'revoked'
                WHEN a.agent_id IS NULL THEN 'unassigned'
                ELSE a.name
           END AS agent_name,
           count(*) AS access_count, count(DISTINCT r.article_id) AS unique_articles,
           count(DISTINCT r.key_id) AS api_key_count
      FROM app.article_access AS r
      LEFT JOIN app.api_key AS k ON k.tenant_id = $1 AND k.key_id = r.key_id
      LEFT JOIN app.agent AS a ON a.tenant_id = $1 AND a.agent_id = k.agent_id AND k.revoked_at IS NULL
     WHERE r.tenant_id = $1 AND r.accessed_at >= $2
       AND ($3::text IS NULL OR r.access_type = $3)
       AND ($4::uuid IS NULL OR r.project_id = $4)
     GROUP BY 1, 2, 3
     ORDER BY access_count DESC, agent_name, a.agent_id
     LIMIT $5
"""

TOTALS = """
    SELECT count(*) AS reads, count(DISTINCT r.article_id) AS articles, count(DISTINCT r.key_id) AS keys,
           count(DISTINCT k.agent_id) AS agents
      FROM app.article_access AS r
      LEFT JOIN app.api_key AS k ON k.tenant_id = $1 AND k.key_id = r.key_id
     WHERE r.tenant_id = $1 AND r.accessed_at >= $2
       AND ($3::uuid IS NULL OR r.article_id = $3)
       AND ($4::uuid IS NULL OR r.project_id = $4)
       AND ($5::uuid[] IS NULL OR r.key_id = ANY ($5))
"""

BY_TYPE = """
    SELECT r.access_type, count(*) AS reads
      FROM app.article_access AS r
     WHERE r.tenant_id = $1 AND r.accessed_at >= $2
       AND ($3::uuid IS NULL OR r.article_id = $3)
       AND ($4::uuid IS NULL OR r.project_id = $4)
       AND ($5::uuid[] IS NULL OR r.key_id = ANY ($5))
     GROUP BY r.access_type
     ORDER BY r.access_type
"""

DAILY = """
    SELECT (r.accessed_at AT TIME ZONE 'UTC')::date AS day, count(*) AS reads
      FROM app.article_access AS r
     WHERE r.tenant_id = $1 AND r.accessed_at >= $2 AND r.project_id = $3
     GROUP BY 1
     ORDER BY 1
"""

RECENT = """
    SELECT r.access_id, r.key_id, r.access_type, r.query, r.mode, r.rank, r.accessed_at
      FROM app.article_access AS r
     WHERE r.tenant_id = $1 AND r.article_id = $2
     ORDER BY r.accessed_at DESC, r.access_id DESC
     LIMIT 10
"""

UNUSED = """
    SELECT a.article_id, a.title, a.category, a.tags, a.created_at, a.updated_at
      FROM app.article AS a
     WHERE a.tenant_id = $1 AND a.status = 'published'
       AND NOT EXISTS (
           SELECT FROM app.article_access AS r
            WHERE r.tenant_id = $1 AND r.article_id = a.article_id AND r.accessed_at >= $2)
     ORDER BY a.created_at, a.article_id
     LIMIT $3
"""

KEYS = """
    SELECT k.key_id, k.agent_id, k.revoked_at IS NULL AS live
      FROM app.api_key AS k
     WHERE k.tenant_id = $1 AND (k.key_id = $2 OR k.agent_id = $2)
     ORDER BY k.position
     LIMIT 1000
"""


class Read(Struct, frozen=True, kw_only=True):
    """One article that was read. ``project_id`` and ``story_id`` as the client says them."""

    access_id: UUID
    article_id: UUID
    key_id: UUID
    project_id: UUID | None
    story_id: UUID | None
    access_type: AccessType
    query: str | None
    mode: str | None
    rank: int | None
    accessed_at: datetime


class Counted(Struct, frozen=True, kw_only=True):
    """Of which reads."""

    since: datetime
    article_id: UUID | None = None
    project_id: UUID | None = None
    key_ids: Sequence[UUID] | None = None
    access_type: str | None = None


async def store_reads(tx: TenantTx, reads: Sequence[Read]) -> None:
    columns = [[getattr(each, name) for each in reads] for name in Read.__struct_fields__]
    await tx.execute(INSERT, tx.tenant_id, *columns)


async def top_articles(tx: TenantTx, of: Counted, most: int) -> Sequence[Any]:
    keys = None if of.key_ids is None else list(of.key_ids)
    return await tx.fetch(TOP_ARTICLES, tx.tenant_id, of.since, of.access_type, of.project_id, keys, most)


async def top_readers(tx: TenantTx, of: Counted, most: int, *, by: Literal["project", "agent"]) -> Sequence[Any]:
    statement = TOP_PROJECTS if by == "project" else TOP_AGENTS
    return await tx.fetch(statement, tx.tenant_id, of.since, of.access_type, of.project_id, most)


async def totals(tx: TenantTx, of: Counted) -> tuple[Any, dict[str, int]]:
    """Counts of all, and of each way of reading."""
    keys = None if of.key_ids is None else list(of.key_ids)
    filters = (tx.tenant_id, of.since, of.article_id, of.project_id, keys)
    by_type = await tx.fetch(BY_TYPE, *filters)
    return await tx.fetchrow(TOTALS, *filters), {row["access_type"]: row["reads"] for row in by_type}


async def daily_reads(tx: TenantTx, project_id: UUID, since: datetime) -> dict[Any, int]:
    rows = await tx.fetch(DAILY, tx.tenant_id, since, project_id)
    return {row["day"]: row["reads"] for row in rows}


async def recent_reads(tx: TenantTx, article_id: UUID) -> Sequence[Any]:
    return await tx.fetch(RECENT, tx.tenant_id, article_id)


async def unused_articles(tx: TenantTx, since: datetime, most: int) -> Sequence[Any]:
    """Published, the oldest first."""
    return await tx.fetch(UNUSED, tx.tenant_id, since, most)


async def keys_of(tx: TenantTx, id_: UUID) -> Sequence[Any]:
    """The key of that id, or those of the agent."""
    return await tx.fetch(KEYS, tx.tenant_id, id_)
