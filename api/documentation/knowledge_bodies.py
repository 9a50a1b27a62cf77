"""What is right in the bodies of the knowledge wiki (bodies.py)."""

from collections.abc import Mapping
from typing import Any

from api.documentation.shown import Shown, one_of, text
from domain.fields import LONGEST_TITLE
from domain.knowledge.article import MOST_TAGS, SOURCE_TYPES
from domain.knowledge.events import CATEGORIES, LONGEST_BODY, RELATIONSHIPS, STATUSES

SOME_ARTICLE, ANOTHER = "0193a2b4-0000-7000-8000-000000000071", "0193a2b4-0000-7000-8000-000000000072"
ID = {"type": "string", "format": "uuid"}
ARTICLE = {
    "title": "Keep retries at one place",
    "body": "Two layers that both retry multiply each other's attempts.",
    "category": "pattern",
    "tags": ["http"],
}
MEMBERS: Mapping[str, Any] = {
    "title": text(LONGEST_TITLE), "body": text(LONGEST_BODY), "category": one_of(CATEGORIES),
    "tags": {"type": "array", "items": {"type": "string"}, "maxItems": MOST_TAGS},
}  # fmt: skip
FILED: Mapping[str, Any] = {
    **MEMBERS, "status": one_of(("draft", "published")), "source_type": one_of(SOURCE_TYPES), "slug": text(64),
}  # fmt: skip

SOURCE = {"url": "https://docs.example/retries", "source_type": "web_article"}
TEXT = {"content": "# Retries\n\nSend the same Idempotency-Key again.", "source_type": "manual"}

KNOWLEDGE_BODIES: Mapping[str, Shown] = {
    "IngestBody": Shown(TEXT, ("source_type",), {"source_type": one_of(SOURCE_TYPES), "project_id": ID}),
    "IngestBatchBody": Shown({"items": [SOURCE]}, ("items",)),
    "CreateArticleOfProjectBody": Shown(ARTICLE, ("title", "body", "category"), FILED),
    "CreateArticleBody": Shown(ARTICLE, ("title", "body", "category"), {**FILED, "project_id": ID}),
    "UpdateArticleBody": Shown(
        {"tags": ["http", "retries"]}, members={**MEMBERS, "project_id": ID, "status": one_of(STATUSES)}
    ),
    "BulkPublishBody": Shown({"article_ids": [SOME_ARTICLE]}),
    "CreateLinkBody": Shown(
        {"source_article_id": SOME_ARTICLE, "target_article_id": ANOTHER, "relationship_type": "relates_to"},
        ("source_article_id", "target_article_id", "relationship_type"),
        {"source_article_id": ID, "target_article_id": ID, "relationship_type": one_of(RELATIONSHIPS)},
    ),
}  # fmt: skip
