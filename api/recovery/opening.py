"""What superadmins do: two of them open a recovery, and when the tenant has let it be, one completes it."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Struct, structs

from api.admin.reading import inside
from api.api_keys.raw import new_raw_key
from api.commands import origin, submit, written
from api.documentation.responses import answers
from api.fresh.challenging import OperationBody
from api.fresh.guard import Copied, Touch
from api.http.asking import Asker, Asking
from api.paths import TenantPath
from api.recovery.bodies import CHALLENGE, SHOWN, RecoverTenantBody, recovery_body
from api.recovery.touching import Superadmin, make_challenge, refuse_copied, superadmin_of
from api.services import Provided, Services
from api.times import wire_time
from api.webauthn.relying_party import relying_party
from domain.authenticator import AuthenticatorRemoved
from domain.errors import NotFound
from domain.event import Stream
from domain.key import ApiKeyRevoked
from domain.recovery import Wish, complete_recovery, open_recovery, recovery_stream
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Change, Command, Known, Need, Reply, existing
from projections.facts.user_keys import USER_KEYS
from projections.rows.authenticators import ALL_AUTHENTICATORS
from projections.rows.challenges import CHALLENGES
from projections.rows.recoveries import RECOVERIES, find_recovery
from projections.rows.tenants import TENANTS, find_tenant

TAGS = ["Recovery"]
OF_SUPERADMINS = {"access": "=superadmin"}
RETRYABLE = ("idempotency_key_reused", "webauthn_required", "webauthn_failed", "tenant_not_active")
LINK = "https://loopctl.example/recovery#0193a2b4-0000-7000-8000-000000000001.3q2-7w…"

Decide = Callable[[Known, Wish], Sequence[Change]]
Streams = Sequence[Stream] | Callable[[Known], Sequence[Stream]]


@post(
    "/api/v1/admin/tenants/{tenant_id:uuid}/recovery/challenge",
    opt={**OF_SUPERADMINS, "errors": ("no_authenticators",)},
    tags=TAGS,
    summary="Ask for a challenge that confirms a step of a recovery",
    description="For navigator.credentials.get with the superadmin's own security key; for one request, two minutes.",
    status_code=200,
    responses=answers(200, "The challenge", {"data": CHALLENGE}),
)
async def make_recovery_challenge(
    services: Provided, asking: Asker, tenant_id: TenantPath, data: JSONBody[OperationBody]
) -> dict[str, Any]:
    await _check_there(services, tenant_id)
    return {"data": await make_challenge(services, inside(asking, tenant_id), data.wish())}


@get(
    "/api/v1/admin/tenants/{tenant_id:uuid}/recovery",
    opt=OF_SUPERADMINS,
    tags=TAGS,
    operation_id="show_recovery",
    summary="Show the newest recovery of a tenant",
    responses=answers(200, "The recovery, or null", {"data": SHOWN}),
)
async def show_recovery(services: Provided, tenant_id: TenantPath) -> dict[str, Any]:
    await _check_there(services, tenant_id)
    async with services.reading(tenant_id) as tx:
        return {"data": recovery_body(await find_recovery(tx))}


@post(
    "/api/v1/admin/tenants/{tenant_id:uuid}/recovery",
    opt={
        **OF_SUPERADMINS, "fresh": True,
        "errors": ("recovery_under_way", "recovery_needs_another", "recovery_not_needed", *RETRYABLE),
    },
    tags=TAGS,
    summary="Open the recovery of a tenant that has lost its security keys, or agree to it",
    description=(
        "One superadmin opens it, another one agrees within a day by the same request; each touches a security key of "
        "its own. Then it waits for 72 hours, in which the tenant's user key or any of its security keys cancels it. "
        "All of it stands in the tenant's log."
    ),
    status_code=200,
    responses=answers(200, "The recovery", {"data": SHOWN}),
)  # fmt: skip
async def recover_tenant(
    services: Provided, asking: Asker, tenant_id: TenantPath, data: JSONBody[RecoverTenantBody]
) -> Response[bytes]:
    asked = await _asked(services, asking, tenant_id)
    stream, tenant, every = recovery_stream(tenant_id), TENANTS.need(tenant_id), ALL_AUTHENTICATORS.need(None)

    def decide(known: Known, wish: Wish) -> Sequence[Change]:
        event = open_recovery(
            existing(known, tenant), len(known[every]), known[asked.recovery], wish, data.reason
        )  # fmt: skip
        return [Change(stream, event)]

    return await written(services, asked.who.here, await asked.submit((tenant, every), decide, [stream]))


@post(
    "/api/v1/admin/tenants/{tenant_id:uuid}/recovery/complete",
    opt={
        **OF_SUPERADMINS, "fresh": True,
        "errors": ("no_recovery", "recovery_needs_another", "recovery_too_early", *RETRYABLE),
    },
    tags=TAGS,
    summary="Complete a recovery whose delay is over",
    description=(
        "Ends every security key and every user key of the tenant, and makes one link, good once and for a day, with "
        "which a person enrols a new security key and gets a user key. It is shown in this answer only. Again, for "
        "another link, while none was used."
    ),
    status_code=200,
    responses=answers(200, "The recovery, and the link", {"data": {**SHOWN, "status": "completed", "link": LINK}}),
)  # fmt: skip
async def complete_recovery_of_tenant(services: Provided, asking: Asker, tenant_id: TenantPath) -> Response[bytes]:
    asked = await _asked(services, asking, tenant_id)
    stream, tenant = recovery_stream(tenant_id), TENANTS.need(tenant_id)
    every, users = ALL_AUTHENTICATORS.need(None), USER_KEYS.need(None)
    made: list[str] = []

    def decide(known: Known, wish: Wish) -> Sequence[Change]:
        found = known[asked.recovery]
        made[:] = [asked.secret(wire_time(found.opened_at))] if found else [""]
        completed = complete_recovery(existing(known, tenant), found, wish, sha256(made[0].encode()).hexdigest())
        ended = [
            Change(Stream("authenticator", key.authenticator_id),
                   AuthenticatorRemoved(name=key.name, credential_id=key.credential_id))
            for key in known[every]
        ]  # fmt: skip
        revoked = [Change(Stream("api_key", id_), ApiKeyRevoked()) for id_ in known[users]]
        return [Change(stream, completed), *ended, *revoked]

    def streams(known: Known) -> Sequence[Stream]:
        keys = [Stream("authenticator", key.authenticator_id) for key in known[every]]
        return [stream, *keys, *(Stream("api_key", id_) for id_ in known[users])]

    reply = await asked.submit((tenant, every, users), decide, streams)
    await services.callers_changed(tenant_id)
    return await written(services, asked.who.here, _with_link(asked, tenant_id, reply, made))


class Asked(Struct, frozen=True):
    """One step of a superadmin."""

    services: Services
    who: Superadmin
    recovery: Need[Any]

    def secret(self, opened_at: str) -> str:
        """Of a link. With an idempotency key the same for a retry, and another one for the next recovery."""
        id_ = uuid5(recovery_stream(self.who.here.caller.tenant_id).id, opened_at)
        return new_raw_key(self.who.here, id_, self.services.peppers).removeprefix("lc_")

    async def submit(
        self,
        needs: Sequence[Need[Any]],
        decide: Decide,
        streams: Sequence[Stream] | Callable[[Known], Sequence[Stream]],
    ) -> Reply:
        """Touch and step are one transaction. Raises Refused."""
        touches: list[Touch] = []

        def decided(known: Known) -> Sequence[Change]:
            touches[:] = [self.who.touch(known)]
            return decide(known, Wish(self.who.said(touches[0]), self.who.how.at))

        async def move(tx: TenantTx) -> None:
            await self.who.move(tx, touches[0])

        given = self.who.given.challenge_id
        command = Command(
            origin=origin(self.services, self.who.here), decide=decided, streams=streams, beside=move, alone=True,
            needs=(*needs, self.recovery, *([CHALLENGES.need(given)] if given else [])),
            answer=lambda known, _: {"data": recovery_body(existing(known, self.recovery))},
        )  # fmt: skip
        try:
            return await submit(self.services, self.who.here, command)
        except Copied as copied:
            raise await refuse_copied(self.services, copied, self.who.here.caller.key_id, self.who.how.at) from None


async def _asked(services: Services, asking: Asking, tenant_id: UUID) -> Asked:
    """Raises NotFound."""
    await _check_there(services, tenant_id)
    who = await superadmin_of(services, inside(asking, tenant_id))
    return Asked(services, who, RECOVERIES.need(recovery_stream(tenant_id).id))


async def _check_there(services: Services, tenant_id: UUID) -> None:
    async with services.reading(tenant_id) as tx:
        if await find_tenant(tx) is None:
            raise NotFound("Not found")


def _with_link(asked: Asked, tenant_id: UUID, reply: Reply, made: Sequence[str]) -> Reply:
    """What is kept under an idempotency key has no secret in it. ``made`` is empty where nothing was decided."""
    if reply.status != 200:
        return reply
    body = msgspec.json.decode(reply.body)
    secret = made[0] if made else asked.secret(body["data"]["opened_at"])
    body["data"]["link"] = f"{relying_party(asked.services.settings).address}/recovery#{tenant_id}.{secret}"
    return structs.replace(reply, body=msgspec.json.encode(body))


ROUTES: Sequence[HTTPRouteHandler] = (
    make_recovery_challenge,
    show_recovery,
    recover_tenant,
    complete_recovery_of_tenant,
)
