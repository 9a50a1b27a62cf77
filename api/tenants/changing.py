"""A change of a tenant: by its own user, and by a superadmin."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import asyncpg
from msgspec import UNSET

from api.commands import origin, submit
from api.http.asking import Asking
from api.services import Services
from api.tenants.schemas import Beside, UpdateTenantBody
from domain.errors import Invalid, NotFound
from domain.event import Recorded, Stream
from domain.tenant import Tenant, update_tenant
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Change, Command, Known, Reply, existing
from projections.rows.tenants import EMAIL_INDEX, TENANTS, find_email, find_tenant, has_log_key, store_email

Body = Callable[[Tenant, Beside], Any]


async def read_tenant(services: Services, asking: Asking) -> tuple[Tenant, Beside]:
    """Of whoever asks. Raises NotFound."""
    async with services.reading(asking.caller.tenant_id) as tx:
        tenant = await find_tenant(tx)
        if tenant is None:
            raise NotFound("Not found")
        return tenant, Beside(await find_email(tx), await has_log_key(tx))


async def change_tenant(services: Services, asking: Asking, data: UpdateTenantBody, body: Body) -> Reply:
    """Raises NotFound, and Invalid for an address that another tenant has; everything else is in the reply."""
    _, beside = await read_tenant(services, asking)
    fields = data.fields(beside.email)
    email = None if fields.email is UNSET else fields.email
    stream = Stream("tenant", asking.caller.tenant_id)
    need = TENANTS.need(stream.id)

    def decide(known: Known) -> Sequence[Change]:
        events = update_tenant(
            existing(known, need), fields, by_superadmin=asking.caller.superadmin,
            rate_limit_ceiling=services.settings.rate_limit_ceiling,
        )  # fmt: skip
        return [Change(stream, event) for event in events]

    def answer(known: Known, _: Sequence[Recorded]) -> Any:
        return body(existing(known, need), Beside(email or beside.email, beside.has_audit_key))

    command = Command(
        origin=origin(services, asking),
        decide=decide,
        answer=answer,
        needs=(need,),
        streams=(stream,),
        beside=_contact(email),
    )
    try:
        return await submit(services, asking, command)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != EMAIL_INDEX:
            raise
        raise Invalid(email="has already been taken") from None


def _contact(email: str | None) -> Callable[[TenantTx], Awaitable[None]] | None:
    return partial(store_email, email=email) if email else None
