"""What changes a webhook, each an event; its secret and its deliveries are written beside, and are in no log."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response
from msgspec import structs

from api.commands import carry_out, carry_out_removal, no_body, origin, submit, written
from api.http.asking import Asking
from api.http.refusal import Refused
from api.services import Services
from api.times import wire_time
from api.webhooks.schemas import WebhookBody, secret_members, webhook_body
from domain.errors import NotFound
from domain.event import Recorded, Stream
from domain.tenant_settings import read_settings
from domain.webhook import Webhook, WebhookDeleted, WebhookSecretRotated, create_webhook, update_webhook
from eventstore.database.transaction import TenantTx
from eventstore.keys.keyring import Sealed
from eventstore.log.command import Change, Command, Known, Reply, existing
from projections.rows import webhook_deliveries
from projections.rows.projects import PROJECTS
from projections.rows.tenants import TENANTS
from projections.rows.webhook_secrets import new_secret
from projections.rows.webhooks import BEGIN_ANEW, FORGET, WEBHOOK_COUNT, WEBHOOKS, Standing, find_webhook

CREATED = 201
OVERLAP = timedelta(hours=24)
"""For which the secret before is signed with as well."""

Beside = Callable[[TenantTx], Awaitable[None]]


async def create(services: Services, asking: Asking, data: WebhookBody) -> Response[bytes]:
    stream, tenant_id, secret = Stream("webhook", services.new_id()), asking.caller.tenant_id, new_secret()
    need, tenant, count = WEBHOOKS.need(stream.id), TENANTS.need(tenant_id), WEBHOOK_COUNT.need(tenant_id)
    project = PROJECTS.need(data.project_id) if data.project_id else None
    problem = await _problem(services, data)

    def decide(known: Known) -> Sequence[Change]:
        fields = data.fields(problem, project_is_there=project is None or known[project] is not None)
        most = read_settings(existing(known, tenant).settings).max_webhooks
        return [Change(stream, create_webhook(fields, known[count], most))]

    command = Command(
        origin=origin(services, asking), decide=decide,
        answer=lambda known, _: {"webhook": webhook_body(existing(known, need), Standing())},
        needs=(need, tenant, count, *([project] if project else ())), streams=(stream,), status=CREATED, alone=True,
        beside=partial(services.webhook_secrets.store, webhook_id=stream.id, secret=secret),
    )  # fmt: skip
    return await _with_secret(services, asking, command, secret)


async def change(services: Services, asking: Asking, webhook_id: UUID, data: WebhookBody) -> Response[bytes]:
    """Made active again, it begins anew: what was held is sent, and what went wrong before counts no more."""
    _, standing = await found(services, asking, webhook_id)
    problem = await _problem(services, data)
    project = PROJECTS.need(data.project_id) if data.project_id else None
    stream, need = Stream("webhook", webhook_id), WEBHOOKS.need(webhook_id)
    activated: list[bool] = []

    def decide(known: Known) -> Sequence[Change]:
        fields = data.fields(problem, project_is_there=project is None or known[project] is not None)
        events = update_webhook(existing(known, need), fields)
        activated[:] = [event.active is True for event in events]
        return [Change(stream, event) for event in events]

    def answer(known: Known, recorded: Sequence[Recorded]) -> Any:
        anew = any(getattr(each.event, "active", None) is True for each in recorded)
        fresh = structs.replace(standing, consecutive_failures=0, failures_in_row=0, paused_until=None)
        return {"webhook": webhook_body(existing(known, need), fresh if anew else standing)}

    async def begin_anew(tx: TenantTx) -> None:
        if any(activated):  # as it was at the head of the log, whatever was read before
            await tx.execute(BEGIN_ANEW, tx.tenant_id, webhook_id)

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, alone=True, beside=begin_anew,
        needs=(need, *([project] if project else ())), streams=(stream,),
    )  # fmt: skip
    return await carry_out(services, asking, command)


async def remove(services: Services, asking: Asking, webhook_id: UUID) -> Response[None]:
    stream, need = Stream("webhook", webhook_id), WEBHOOKS.need(webhook_id)

    async def forget(tx: TenantTx) -> None:
        await tx.execute(webhook_deliveries.FORGET, tx.tenant_id, webhook_id)
        await tx.execute(FORGET, tx.tenant_id, webhook_id)

    command = Command(
        origin=origin(services, asking), needs=(need,), streams=(stream,), answer=no_body, status=204, alone=True,
        decide=lambda known: [Change(stream, WebhookDeleted(url=existing(known, need).url))], beside=forget,
    )  # fmt: skip
    return await carry_out_removal(services, asking, command)


async def rotate(services: Services, asking: Asking, webhook_id: UUID) -> Response[bytes]:
    _, standing = await found(services, asking, webhook_id)
    stream, need, secret = Stream("webhook", webhook_id), WEBHOOKS.need(webhook_id), new_secret()
    until = services.utc_now() + OVERLAP

    def decide(known: Known) -> Sequence[Change]:
        existing(known, need)
        return [Change(stream, WebhookSecretRotated(previous_until=until))]

    def answer(known: Known, _: Sequence[Recorded]) -> Any:
        body = webhook_body(existing(known, need), standing)
        return {"webhook": body, "previous_secret_valid_until": wire_time(until)}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=(need,), streams=(stream,), alone=True,
        beside=partial(
            services.webhook_secrets.rotate, webhook_id=webhook_id, secret=secret, previous_until=until
        ),
    )  # fmt: skip
    return await _with_secret(services, asking, command, secret)


async def found(services: Services, asking: Asking, webhook_id: UUID) -> tuple[Webhook, Standing]:
    """Raises NotFound."""
    async with services.reading(asking.caller.tenant_id) as tx:
        webhook = await find_webhook(tx, webhook_id)
    if webhook is None:
        raise NotFound("Not found")
    return webhook


async def _problem(services: Services, data: WebhookBody) -> str | None:
    """What speaks against connecting to where it is to go, as things are."""
    return await services.problem_of_url(data.address) if data.address else None


async def _with_secret(services: Services, asking: Asking, command: Command, secret: str) -> Response[bytes]:
    """What was stored under the idempotency key has none; a retry is shown the secret that is in force."""
    try:
        reply = await submit(services, asking, command)
        if reply.status not in (200, CREATED):
            return await written(services, asking, reply)
        body: dict[str, Any] = msgspec.json.decode(reply.body)
        if reply.replayed:
            secret = await _kept(services, asking, UUID(body["webhook"]["id"])) or ""
    except Sealed as error:
        raise Refused("sealed", str(error)) from None
    members = secret_members(secret) if secret else dict.fromkeys(secret_members(""))
    shown: Reply = structs.replace(
        reply, body=msgspec.json.encode({**body, "webhook": {**body["webhook"], **members}})
    )  # fmt: skip
    return await written(services, asking, shown)


async def _kept(services: Services, asking: Asking, webhook_id: UUID) -> str | None:
    """None when the webhook is gone."""
    async with services.reading(asking.caller.tenant_id) as tx:
        try:
            return (await services.webhook_secrets.read(tx, webhook_id, services.utc_now()))[0]
        except LookupError:
            return None
