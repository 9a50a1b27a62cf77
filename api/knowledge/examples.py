"""Articles as the documentation shows them."""

from typing import Any

from api.projects.examples import META

ARTICLE: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000071",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "project_id": None,
    "story_id": None,
    "title": "Keep retries at one place",
    "slug": "keep-retries-at-one-place-3f9a01",
    "body": "Two layers that both retry multiply each other's attempts. Retry where the deadline is known.",
    "category": "pattern",
    "status": "draft",
    "tags": ["http", "retries"],
    "source_type": None,
    "source_id": None,
    "metadata": {},
    "inserted_at": "2026-03-27T12:00:00.000000Z",
    "updated_at": "2026-03-28T09:00:00.000000Z",
}
PUBLISHED: dict[str, Any] = {**ARTICLE, "status": "published"}
LINK: dict[str, Any] = {
    "id": "0193a2b4-0000-5000-8000-000000000073",
    "source_article_id": ARTICLE["id"],
    "target_article_id": "0193a2b4-0000-7000-8000-000000000072",
    "relationship_type": "relates_to",
    "metadata": {},
    "inserted_at": "2026-03-28T10:00:00.000000Z",
}
SHOWN_LINK: dict[str, Any] = {
    **LINK,
    "source_article": {"id": ARTICLE["id"], "title": ARTICLE["title"]},
    "target_article": {"id": LINK["target_article_id"], "title": "Deadlines travel with the request"},
}
LINKED: dict[str, Any] = {**PUBLISHED, "outgoing_links": [SHOWN_LINK], "incoming_links": []}
HIT: dict[str, Any] = {
    "id": ARTICLE["id"],
    "title": ARTICLE["title"],
    "category": "pattern",
    "tags": ["http", "retries"],
    "score": 0.61,
    "updated_at": "2026-03-28T09:00:00.000000Z",
    "snippet": "Two layers that both **retry** multiply each other's attempts.",
}
SEARCHED: dict[str, Any] = {"search_mode": "keyword", "semantic_available": False, "fallback": True}
SEARCH_META: dict[str, Any] = {**META, "page_size": 10, "limit": 10, **SEARCHED}
INDEX: dict[str, Any] = {
    "data": {
        "pattern": [
            {
                "id": ARTICLE["id"],
                "title": ARTICLE["title"],
                "category": "pattern",
                "tags": ["http", "retries"],
                "status": "published",
                "updated_at": "2026-03-28T09:00:00.000000Z",
            }
        ]
    },
    "meta": {"total_count": 1, "categories": {"pattern": 1}, "truncated": False},
}
CONTEXT: dict[str, Any] = {
    "id": ARTICLE["id"],
    "title": ARTICLE["title"],
    "category": "pattern",
    "tags": ["http", "retries"],
    "body": ARTICLE["body"],
    "truncated": False,
    "tokens": 24,
    "updated_at": "2026-03-28T09:00:00.000000Z",
    "relevance_score": 1.0,
    "recency_score": 0.9967,
    "combined_score": 0.999,
    "linked_articles": [
        {"id": LINK["target_article_id"], "title": "Deadlines travel with the request", "category": "decision"}
    ],
}
CONTEXT_META: dict[str, Any] = {
    "total_count": 1, "limit": 5, "recency_weight": 0.3, "tokens": 24, "max_tokens": None, "left_out": 0, **SEARCHED,
}  # fmt: skip
PIPELINE: dict[str, Any] = {
    "embeddings": {"model": "text-embedding-3-small", "pending": 0, "embedded": 42, "failing": 0, "error": None},
    "pending_extractions": 0,
    "recent_drafts": [
        {
            "id": ARTICLE["id"],
            "title": "The lock is held too long (story 1.1)",
            "source_id": "0193a2b4-0000-7000-8000-000000000074",
            "inserted_at": "2026-03-27T12:00:00.000000Z",
        }
    ],
    "publish_rate": 0.6667,
    "extraction_errors": {"count": 0, "recent": []},
    "auto_extract_enabled": True,
}
LINT: dict[str, Any] = {
    "data": {
        "stale_articles": [],
        "orphan_articles": [
            {
                "article_id": ARTICLE["id"],
                "title": ARTICLE["title"],
                "category": "pattern",
                "severity": "info",
                "suggested_action": "Link it with what it belongs to.",
            }
        ],
        "contradiction_clusters": [],
        "coverage_gaps": [],
        "broken_sources": [],
    },
    "summary": {
        "total_articles": 7,
        "total_issues": 1,
        "issues_by_severity": {"info": 1},
        "total_per_category": {
            "stale_articles": 0, "orphan_articles": 1, "contradiction_clusters": 0, "coverage_gaps": 0,
            "broken_sources": 0,
        },
        "truncated": {
            "stale_articles": False, "orphan_articles": False, "contradiction_clusters": False,
            "coverage_gaps": False, "broken_sources": False,
        },
        "generated_at": "2026-03-28T09:00:00.000000Z",
    },
}  # fmt: skip
_TOP: dict[str, Any] = {
    "article_id": ARTICLE["id"],
    "title": ARTICLE["title"],
    "category": "pattern",
    "access_count": 12,
}
TOP: dict[str, Any] = {
    "data": [{**_TOP, "unique_agents": 3}],
    "meta": {
        "count": 1, "limit": 20, "since": "2026-03-21T09:00:00.000000Z", "access_type": None, "project_id": None,
        "group_by": "article",
    },
}  # fmt: skip
UNUSED: dict[str, Any] = {
    "data": [
        {
            "article_id": ARTICLE["id"],
            "title": ARTICLE["title"],
            "category": "pattern",
            "tags": ["http", "retries"],
            "inserted_at": "2026-03-27T12:00:00.000000Z",
            "updated_at": "2026-03-28T09:00:00.000000Z",
        }
    ],
    "meta": {"count": 1, "days_unused": 30, "limit": 50},
}
_READS: dict[str, Any] = {
    "total_reads": 12,
    "unique_articles": 1,
    "access_by_type": {"get": 12},
    "top_articles": [_TOP],
}
OF_AGENT: dict[str, Any] = {
    "data": {
        "resolved_as": "agent", "agent_id": "0193a2b4-0000-7000-8000-000000000031", "agent_name": "worker-1",
        "agent_type": "implementer", "api_key_count": 1, **_READS,
    },
    "meta": {"limit": 20, "since": "2026-03-21T09:00:00.000000Z"},
}  # fmt: skip
OF_PROJECT: dict[str, Any] = {
    "data": {
        "project_id": "0193a2b4-0000-7000-8000-000000000002", "project_name": "My app", **_READS,
        "unique_api_keys": 3, "unique_agents": 2, "daily_series": [{"date": "2026-03-28", "read_count": 12}],
    },
    "meta": {"since_days": 1},
}  # fmt: skip
STATS: dict[str, Any] = {
    "data": {
        "article_id": ARTICLE["id"],
        "title": ARTICLE["title"],
        "category": "pattern",
        "status": "published",
        "tags": ["http", "retries"],
        "total_accesses": 1,
        "unique_agents": 1,
        "last_accessed_at": "2026-03-28T09:00:00.000000Z",
        "accesses_by_type": {"search": 1},
        "recent_accesses": [
            {
                "id": "0193a2b4-0000-4000-8000-000000000075",
                "api_key_id": "0193a2b4-0000-7000-8000-000000000021",
                "access_type": "search",
                "metadata": {"query": "retry", "mode": "keyword", "rank": 1},
                "accessed_at": "2026-03-28T09:00:00.000000Z",
            }
        ],
    }
}
INGESTION_QUEUED: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000076",
    "status": "queued",
    "content_hash": "0f2d2b5d9ee1b8f6b0fd5e9f0b0ac5d1d5dfd7b4a1a3d1a7a9e6a0c3a4d5e6f7",
    "source_type": "web_article",
    "inserted_at": "2026-03-28T09:00:00.000000Z",
}
INGESTION_BATCH: list[dict[str, Any]] = [
    INGESTION_QUEUED,
    {"status": "error", "error": "Exactly one of 'url' or 'content' is required"},
]
INGESTION_JOB: dict[str, Any] = {
    "id": INGESTION_QUEUED["id"],
    "state": "completed",
    "source_type": "web_article",
    "url": "https://docs.example/retries",
    "content_hash": INGESTION_QUEUED["content_hash"],
    "inserted_at": "2026-03-28T09:00:00.000000Z",
    "completed_at": "2026-03-28T09:00:04.000000Z",
    "article_count": 3,
    "errors": [],
}
