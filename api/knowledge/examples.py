"""Articles as the documentation shows them."""

from typing import Any

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
