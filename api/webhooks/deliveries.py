"""Deliveries of a webhook: what became of them, and how they are sent once more."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.commands import carry_out, origin
from api.documentation.responses import answers
from api.http.asking import Asker
from api.pages import Sizes, page_of
from api.paths import DeliveryPath, WebhookPath
from api.projects.examples import META
from api.services import Provided, Services
from api.webhooks.changing import found
from api.webhooks.examples import DELIVERY, QUEUED, WHOLE_DELIVERY
from api.webhooks.schemas import (
    UNDELIVERED,
    DeliveriesQuery,
    Replay,
    ReplayBody,
    TestBody,
    delivery_body,
    whole_delivery_body,
)
from domain.errors import Invalid, NotFound
from domain.event import Recorded, Stream
from domain.webhook import Webhook, WebhookReplayed, WebhookTested, redeliver
from domain.webhook_payload import body_of, delivery_id, event_type_of, position_of
from domain.webhook_sent import TRIGGERS
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Change, Command, Known, existing
from eventstore.log.read import read_events, read_picked
from projections.rows import webhook_deliveries as deliveries
from projections.rows.webhooks import WEBHOOKS

TAGS = ["Webhooks"]
RETRYABLE = ("idempotency_key_reused",)
SIZES = Sizes(default=25)
MOST_REPLAYED = 1000
MOST_LOOKED_AT = 10_000
"""Entries of the log that one replay looks at."""


@post(
    "/api/v1/webhooks/{webhook_id:uuid}/test",
    opt={"access": "user+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Send a test event",
    description="Of type webhook.test, or an example of another one that says test: true. Signed, sent and repeated as "
    "all others, and also to a webhook that is not active.",
    status_code=200,
    responses=answers(200, "It is on its way", {**QUEUED, "message": "Test event queued"}),
)
async def test_webhook(
    services: Provided, asking: Asker, webhook_id: WebhookPath, data: JSONBody[TestBody]
) -> Response[bytes]:
    stream, need, kind = Stream("webhook", webhook_id), WEBHOOKS.need(webhook_id), data.kind()

    def decide(known: Known) -> Sequence[Change]:
        existing(known, need)
        return [Change(stream, WebhookTested(event_type=kind))]

    def answer(_: Known, recorded: Sequence[Recorded]) -> Any:
        made = delivery_id(webhook_id, recorded[-1].position)
        return {"webhook_event_id": made, "status": "pending", "message": "Test event queued"}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=(need,), streams=(stream,)
    )  # fmt: skip
    return await carry_out(services, asking, command)


@get(
    "/api/v1/webhooks/{webhook_id:uuid}/deliveries",
    opt={"access": "user+"},
    tags=TAGS,
    summary="List deliveries",
    description="Newest first. Those that are over are kept for webhook_event_retention_days (30).",
    responses=answers(200, "A page of deliveries", {"data": [DELIVERY], "meta": {**META, "page_size": 25}}),
)
async def list_deliveries_of_webhook(
    services: Provided, asking: Asker, webhook_id: WebhookPath, wanted: NamedDependency[DeliveriesQuery]
) -> dict[str, Any]:
    page, filters = page_of(wanted, SIZES), wanted.wanted()
    await found(services, asking, webhook_id)
    async with services.reading(asking.caller.tenant_id) as tx:
        rows, total = await deliveries.list_deliveries(tx, webhook_id, filters, page.limit, page.offset)
    return page.answer([delivery_body(webhook_id, row) for row in rows], total)


@get(
    "/api/v1/webhooks/{webhook_id:uuid}/deliveries/{delivery_id:uuid}",
    opt={"access": "user+"},
    tags=TAGS,
    summary="Show a delivery",
    description="With what is sent, and the last twenty attempts. Of answers only the status is kept.",
    responses=answers(200, "The delivery", {"delivery": WHOLE_DELIVERY}),
)
async def show_delivery(
    services: Provided, asking: Asker, webhook_id: WebhookPath, delivery_id: DeliveryPath
) -> dict[str, Any]:
    async with services.reading(asking.caller.tenant_id) as tx:
        row = await _delivery(tx, webhook_id, delivery_id)
        body = row["body"]
        if body is None:
            (recorded,) = await read_picked(tx, services.codec, [row["position"]])
            body = body_of(webhook_id, recorded)
    return {"delivery": whole_delivery_body(webhook_id, row, body)}


@post(
    "/api/v1/webhooks/{webhook_id:uuid}/deliveries/{delivery_id:uuid}/redeliver",
    opt={"access": "user+", "errors": ("conflict", *RETRYABLE)},
    tags=TAGS,
    summary="Deliver once more",
    description="With the same id and the same bytes, and all its attempts again.",
    status_code=202,
    responses=answers(202, "It is on its way", QUEUED),
)
async def redeliver_delivery(
    services: Provided, asking: Asker, webhook_id: WebhookPath, delivery_id: DeliveryPath
) -> Response[bytes]:
    async with services.reading(asking.caller.tenant_id) as tx:
        row = await _delivery(tx, webhook_id, delivery_id)
    stream, need, position = Stream("webhook", webhook_id), WEBHOOKS.need(webhook_id), row["position"]

    def decide(known: Known) -> Sequence[Change]:
        existing(known, need)
        return [Change(stream, redeliver(row["state"], position))]

    command = Command(
        origin=origin(services, asking), decide=decide, needs=(need,), streams=(stream,), status=202,
        answer=lambda *_: {"webhook_event_id": delivery_id, "status": "pending"},
        beside=partial(_begin_anew, webhook_id=webhook_id, positions=[position]),
    )  # fmt: skip
    return await carry_out(services, asking, command)


@post(
    "/api/v1/webhooks/{webhook_id:uuid}/replay",
    opt={"access": "user+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Deliver a part of the past once more",
    description=(
        "from_position and to_position: everything in that part of the log that the webhook is for now, whether it was "
        "delivered, given up or never for it; with statuses only deliveries of these. since and until: deliveries of "
        "events of that time, failed and exhausted ones unless statuses says others. At most 1,000 at once."
    ),
    status_code=202,
    responses=answers(202, "How many are on their way", {"enqueued": 3}),
)
async def replay_webhook(
    services: Provided, asking: Asker, webhook_id: WebhookPath, data: JSONBody[ReplayBody]
) -> Response[bytes]:
    wish = data.wish()
    webhook, _ = await found(services, asking, webhook_id)
    async with services.reading(asking.caller.tenant_id) as tx:
        positions, write = await _to_replay(services, tx, webhook, wish)
    if len(positions) > MOST_REPLAYED:
        raise Invalid(
            f"More than {MOST_REPLAYED} deliveries: replay a shorter part",
            **{"to_position" if wish.by_position else "until": f"leads to more than {MOST_REPLAYED} deliveries"},
        )
    stream, need = Stream("webhook", webhook_id), WEBHOOKS.need(webhook_id)

    def decide(known: Known) -> Sequence[Change]:
        existing(known, need)
        if not positions:
            return []
        bounds = {"from_position": positions[0], "to_position": positions[-1]}
        return [Change(stream, WebhookReplayed(**bounds, count=len(positions)))]

    command = Command(
        origin=origin(services, asking), decide=decide, needs=(need,), streams=(stream,), status=202,
        answer=lambda *_: {"enqueued": len(positions)}, beside=write,
    )  # fmt: skip
    return await carry_out(services, asking, command)


async def _to_replay(
    services: Services, tx: TenantTx, webhook: Webhook, wish: Replay
) -> tuple[list[int], Callable[[TenantTx], Awaitable[None]]]:
    """Positions, in order, one more than there may be where there are too many; and what begins them anew."""
    if wish.by_position and wish.statuses is None:
        of_log = await _wanted_of_log(services, tx, webhook, wish)
        return [each.position for each in of_log], partial(_write_again, webhook_id=webhook.webhook_id, found=of_log)
    rows = await tx.fetch(
        deliveries.TO_REPLAY, tx.tenant_id, webhook.webhook_id, list(wish.statuses or UNDELIVERED), wish.since,
        wish.until, wish.from_position, wish.to_position, MOST_REPLAYED + 1,
    )  # fmt: skip
    positions = [row["position"] for row in rows]
    return positions, partial(_begin_anew, webhook_id=webhook.webhook_id, positions=positions)


async def _wanted_of_log(services: Services, tx: TenantTx, webhook: Webhook, wish: Replay) -> list[Recorded]:
    """What the webhook is for, of a part of the log. Raises Invalid for a part that is too long."""
    first, last = wish.from_position or 0, wish.to_position or 0
    if last - first >= MOST_LOOKED_AT:
        raise Invalid(to_position=f"should be less than {MOST_LOOKED_AT} after from_position")
    wanted: list[Recorded] = []
    while first <= last and len(wanted) <= MOST_REPLAYED:
        page = await read_events(tx, services.codec, first, min(500, last - first + 1))
        if not page:
            break
        wanted += [each for each in page if _is_for(webhook, each)]
        first += len(page)
    return wanted


def _is_for(webhook: Webhook, recorded: Recorded) -> bool:
    """As app.queue_webhooks chooses."""
    event = recorded.event
    project_id = recorded.stream.id if recorded.stream.kind == "project" else getattr(event, "project_id", None)
    return TRIGGERS.get(type(event)) in webhook.events and webhook.project_id in (None, project_id)


async def _begin_anew(tx: TenantTx, webhook_id: UUID, positions: Sequence[int]) -> None:
    await tx.execute(deliveries.BEGIN_ANEW, tx.tenant_id, webhook_id, positions)


async def _write_again(tx: TenantTx, webhook_id: UUID, found: Sequence[Recorded]) -> None:
    await tx.execute(
        deliveries.WRITE_AGAIN, tx.tenant_id, webhook_id, [each.position for each in found],
        [event_type_of(each) for each in found], [deliveries.subject_of(each) for each in found],
        [each.at for each in found],
    )  # fmt: skip


async def _delivery(tx: TenantTx, webhook_id: UUID, delivery: UUID) -> Any:
    """Raises NotFound."""
    position = position_of(webhook_id, delivery)
    row = None if position is None else await deliveries.find_delivery(tx, webhook_id, position)
    if row is None:
        raise NotFound("Not found")
    return row


ROUTES: Sequence[HTTPRouteHandler] = (
    test_webhook,
    list_deliveries_of_webhook,
    show_delivery,
    redeliver_delivery,
    replay_webhook,
)
