"""Webhooks: /api/v1/webhooks."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.documentation.responses import answers, answers_nothing
from api.http.asking import Asker
from api.pages import PageQuery, page_of
from api.paths import WebhookPath
from api.projects.examples import META
from api.services import Provided
from api.webhooks.changing import change, create, remove, rotate
from api.webhooks.examples import SECRET, WEBHOOK
from api.webhooks.schemas import CreateWebhookBody, WebhookBody, webhook_body
from domain.errors import NotFound
from domain.webhook import EVENT_TYPES
from projections.rows.webhooks import find_webhook, list_webhooks

TAGS = ["Webhooks"]
RETRYABLE = ("idempotency_key_reused",)
CHANGING: dict[str, Any] = {
    "opt": {"access": "user+", "errors": RETRYABLE},
    "tags": TAGS,
    "description": "What is left out stays; project_id null is every project. Active again, it gets what was held.",
    "responses": answers(200, "The webhook", {"webhook": WEBHOOK}),
}


@post(
    "/api/v1/webhooks",
    opt={"access": "user+", "errors": ("limit_reached", *RETRYABLE)},
    tags=TAGS,
    summary="Subscribe an address to events",
    description=(
        "https to a public address. The secret that requests are signed with is shown in this answer only, in two "
        "spellings; a retry with the same Idempotency-Key shows it again. The address is in the log: put no secret "
        "into it."
    ),
    status_code=201,
    responses=answers(201, "The webhook and its secret", {"webhook": {**WEBHOOK, **SECRET}}),
)
async def create_webhook_of_tenant(
    services: Provided, asking: Asker, data: JSONBody[CreateWebhookBody]
) -> Response[bytes]:
    return await create(services, asking, data)


@get(
    "/api/v1/webhooks",
    opt={"access": "user+"},
    tags=TAGS,
    summary="List webhooks",
    description="Newest first, inactive ones among them.",
    responses=answers(200, "A page of webhooks", {"data": [WEBHOOK], "meta": META}),
)
async def list_webhooks_of_tenant(
    services: Provided, asking: Asker, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    page = page_of(wanted)
    async with services.reading(asking.caller.tenant_id) as tx:
        found, total = await list_webhooks(tx, page.limit, page.offset)
    return page.answer([webhook_body(*each) for each in found], total)


@get(
    "/api/v1/webhooks/event-types",
    opt={"access": "user+"},
    tags=TAGS,
    summary="List the types of events",
    responses=answers(200, "Their names", {"data": list(EVENT_TYPES)}),
)
async def list_event_types() -> dict[str, Any]:
    return {"data": EVENT_TYPES}


@get(
    "/api/v1/webhooks/{webhook_id:uuid}",
    opt={"access": "user+"},
    tags=TAGS,
    summary="Show a webhook",
    responses=answers(200, "The webhook", {"webhook": WEBHOOK}),
)
async def show_webhook(services: Provided, asking: Asker, webhook_id: WebhookPath) -> dict[str, Any]:
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await find_webhook(tx, webhook_id)
    if found is None:
        raise NotFound("Not found")
    return {"webhook": webhook_body(*found)}


@patch("/api/v1/webhooks/{webhook_id:uuid}", summary="Change a webhook", **CHANGING)
async def update_webhook_of_tenant(
    services: Provided, asking: Asker, webhook_id: WebhookPath, data: JSONBody[WebhookBody]
) -> Response[bytes]:
    return await change(services, asking, webhook_id, data)


@put("/api/v1/webhooks/{webhook_id:uuid}", summary="Change a webhook (as PATCH)", **CHANGING)
async def replace_webhook_of_tenant(
    services: Provided, asking: Asker, webhook_id: WebhookPath, data: JSONBody[WebhookBody]
) -> Response[bytes]:
    return await change(services, asking, webhook_id, data)


@delete(
    "/api/v1/webhooks/{webhook_id:uuid}",
    opt={"access": "user+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Delete a webhook",
    description="With its secret and all its deliveries, delivered or not.",
    status_code=204,
    responses=answers_nothing(204, "It is gone"),
)
async def delete_webhook(services: Provided, asking: Asker, webhook_id: WebhookPath) -> Response[None]:
    return await remove(services, asking, webhook_id)


@post(
    "/api/v1/webhooks/{webhook_id:uuid}/rotate-secret",
    opt={"access": "user+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Replace a webhook's secret",
    description="For 24 hours requests are signed with both. The new one is shown in this answer only.",
    status_code=200,
    responses=answers(
        200, "The new secret",
        {"webhook": {**WEBHOOK, **SECRET}, "previous_secret_valid_until": "2026-03-28T12:00:00.000000Z"},
    ),
)  # fmt: skip
async def rotate_webhook_secret(services: Provided, asking: Asker, webhook_id: WebhookPath) -> Response[bytes]:
    return await rotate(services, asking, webhook_id)


ROUTES: Sequence[HTTPRouteHandler] = (
    create_webhook_of_tenant,
    list_webhooks_of_tenant,
    list_event_types,
    show_webhook,
    update_webhook_of_tenant,
    replace_webhook_of_tenant,
    delete_webhook,
    rotate_webhook_secret,
)
