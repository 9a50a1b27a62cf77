"""How learning from reviews is getting on."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from litestar import get
from litestar.handlers import HTTPRouteHandler

from api.documentation.responses import answers
from api.http.asking import Asker
from api.knowledge.articles import TAGS
from api.knowledge.examples import PIPELINE
from api.services import Provided
from api.times import wire_time
from domain.tenant_settings import read_settings
from projections.rows.article_vectors import embedding_status
from projections.rows.review_lessons import pipeline_of
from projections.rows.tenants import find_tenant

LOOKED_BACK = timedelta(days=7)


@get(
    "/api/v1/knowledge/pipeline",
    opt={"access": "orchestrator+"},
    tags=TAGS,
    summary="Show how learning from reviews is getting on",
    description="What waits, the newest drafts, and how many of what was learned somebody has published; how many "
    "articles have a vector, wait for one, and why the last that failed did. Without a provider model is null.",
    responses=answers(200, "The pipeline", {"data": PIPELINE}),
)
async def show_pipeline(services: Provided, asking: Asker) -> dict[str, Any]:
    tenant_id = asking.caller.tenant_id
    async with services.reading(tenant_id) as tx:
        found = await pipeline_of(tx, services.utc_now() - LOOKED_BACK)
        tenant = await find_tenant(tx)
        vectors = await embedding_status(tx)
    return {
        "data": {
            "embeddings": {
                "model": services.semantic.model,
                "pending": vectors.pending,
                "embedded": vectors.embedded,
                "failing": vectors.failed,
                "error": vectors.error,
            },
            "pending_extractions": found.pending,
            "recent_drafts": [
                {
                    "id": row["article_id"],
                    "title": row["title"],
                    "source_id": row["source_id"],
                    "inserted_at": wire_time(row["created_at"]),
                }
                for row in found.drafts
            ],
            "publish_rate": found.publish_rate,
            "extraction_errors": {
                "count": found.failed_count,
                "recent": [
                    {
                        "id": row["review_id"],
                        "state": row["state"],
                        "error_reason": row["error"],
                        "attempted_at": wire_time(row["finished_at"]),
                    }
                    for row in found.failed
                ],
            },
            "auto_extract_enabled": tenant is None or read_settings(tenant.settings).knowledge_auto_extract,
        }
    }


ROUTES: Sequence[HTTPRouteHandler] = (show_pipeline,)
