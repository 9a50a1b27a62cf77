"""Webhooks, their deliveries, and what was sent."""

from collections.abc import Sequence
from typing import Annotated, Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from msgspec import UNSET, Meta

from api.http.asking import Asker
from api.http.endpoints import SentHeaders
from api.http.query import StrictQuery
from api.pages import PageQuery
from api.paths import DeliveryPath, WebhookPath
from api.services import Provided
from api.web.reading import Reader
from api.web.showing import OF_SESSION, ShownQuery, shown, table
from api.webhooks.deliveries import list_deliveries_of_webhook, show_delivery
from api.webhooks.routes import list_webhooks_of_tenant, show_webhook
from api.webhooks.schemas import DeliveriesQuery

USERS = {**OF_SESSION, "access": "user+"}


class ChosenQuery(ShownQuery, frozen=True, kw_only=True):
    status: Annotated[
        Literal["", "pending", "delivered", "failed", "exhausted"], Meta(description="Only deliveries that stand so")
    ] = ""
    page: Annotated[int, Meta(ge=1, le=10_000, description="Page, from 1")] = 1


class AttemptsQuery(StrictQuery, frozen=True, kw_only=True):
    format: Annotated[Literal["json", "csv"], Meta(description="What the page's table holds, in this form")] = "json"


@get("/app/webhooks", opt=USERS, include_in_schema=False, summary="The webhooks of the tenant")
async def show_webhooks(
    services: Provided, asking: Asker, sent_headers: SentHeaders, wanted: NamedDependency[ShownQuery]
) -> Response[bytes]:
    reader = Reader(services, asking)
    found = await reader.all(list_webhooks_of_tenant, PageQuery(page_size=100))
    if wanted.format != "html":
        return table(found, wanted.format, "webhooks")
    return await shown(reader, sent_headers, "webhooks.html", active="webhooks", webhooks=found)


@get("/app/webhooks/{webhook_id:uuid}", opt=USERS, include_in_schema=False, summary="A webhook and its deliveries")
async def show_webhook_page(
    services: Provided,
    asking: Asker,
    sent_headers: SentHeaders,
    webhook_id: WebhookPath,
    wanted: NamedDependency[ChosenQuery],
) -> Response[bytes]:
    reader = Reader(services, asking)
    webhook = (await reader.read(show_webhook, webhook_id=webhook_id))["webhook"]
    query = DeliveriesQuery(page=wanted.page, page_size=25, status=wanted.status or UNSET)
    found = await reader.read(list_deliveries_of_webhook, webhook_id=webhook_id, wanted=query)
    if wanted.format != "html":
        return table(found["data"], wanted.format, f"deliveries-{webhook_id}")
    return await shown(
        reader, sent_headers, "webhook.html", active="webhooks", webhook=webhook, deliveries=found["data"],
        meta=found["meta"], wanted=wanted,
    )  # fmt: skip


@get(
    "/app/webhooks/{webhook_id:uuid}/deliveries/{delivery_id:uuid}", opt=USERS, include_in_schema=False,
    summary="A delivery, with what was sent",
)  # fmt: skip
async def show_delivery_page(
    services: Provided, asking: Asker, sent_headers: SentHeaders, webhook_id: WebhookPath, delivery_id: DeliveryPath
) -> Response[bytes]:
    reader = Reader(services, asking)
    webhook = (await reader.read(show_webhook, webhook_id=webhook_id))["webhook"]
    delivery = (await reader.read(show_delivery, webhook_id=webhook_id, delivery_id=delivery_id))["delivery"]
    return await shown(reader, sent_headers, "delivery.html", active="webhooks", webhook=webhook, delivery=delivery)


@get(
    "/app/webhooks/{webhook_id:uuid}/deliveries/{delivery_id:uuid}/attempts", opt=USERS, include_in_schema=False,
    summary="The attempts of a delivery, as JSON or CSV",
)  # fmt: skip
async def show_attempts(
    services: Provided,
    asking: Asker,
    webhook_id: WebhookPath,
    delivery_id: DeliveryPath,
    wanted: NamedDependency[AttemptsQuery],
) -> Response[bytes]:
    reader = Reader(services, asking)
    delivery = (await reader.read(show_delivery, webhook_id=webhook_id, delivery_id=delivery_id))["delivery"]
    return table(delivery["history"], wanted.format, f"attempts-{delivery_id}")


ROUTES: Sequence[HTTPRouteHandler] = (
    show_attempts,
    show_webhooks,
    show_webhook_page,
    show_delivery_page,
)
