"""API keys: /api/v1/api_keys."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.api_keys.examples import KEY, NEW_KEY, REVOKED_KEY
from api.api_keys.making import make_key, replace_key
from api.api_keys.schemas import CreateKeyBody, KeysQuery, RotateKeyBody, key_body, revoked_key_body
from api.commands import carry_out, origin
from api.documentation.responses import answers
from api.http.asking import Asker
from api.pages import page_of
from api.paths import KeyPath
from api.projects.examples import META
from api.services import Provided
from domain.event import Stream
from domain.key import revoke_key
from eventstore.log.command import Change, Command, Known, existing
from projections.rows.keys import KEYS, list_keys

TAGS = ["API keys"]
RETRYABLE = ("idempotency_key_reused",)


@post(
    "/api/v1/api_keys",
    opt={
        "access": "user+",
        "custody": True,
        "fresh": True,
        "errors": ("forbidden", "not_found", "limit_reached", "orchestrator_agent_required", *RETRYABLE),
    },
    tags=TAGS,
    summary="Make an API key",
    description=(
        "raw_key is shown in this answer only; a retry with the same Idempotency-Key shows it again. An agent has "
        "at most one active key of each role; one of role orchestrator needs an agent of type orchestrator."
    ),
    status_code=201,
    responses=answers(201, "The key", {"api_key": NEW_KEY}),
)
async def create_api_key(services: Provided, asking: Asker, data: JSONBody[CreateKeyBody]) -> Response[bytes]:
    return await make_key(services, asking, data)


@get(
    "/api/v1/api_keys",
    opt={"access": "user+"},
    tags=TAGS,
    summary="List API keys",
    description="Newest first; revoked ones only if they are asked for. last_used_at is up to a minute late.",
    responses=answers(200, "A page of keys, under two names", {"api_keys": [KEY], "data": [KEY], "meta": META}),
)
async def list_api_keys(services: Provided, asking: Asker, wanted: NamedDependency[KeysQuery]) -> dict[str, Any]:
    page = page_of(wanted)
    async with services.reading(asking.caller.tenant_id) as tx:
        found, total = await list_keys(
            tx, services.utc_now(), revoked=wanted.include_revoked, limit=page.limit, offset=page.offset
        )
    answer = page.answer([key_body(key, seen) for key, seen in found], total)
    return {"api_keys": answer["data"], **answer}


@delete(
    "/api/v1/api_keys/{key_id:uuid}",
    opt={"access": "user+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Revoke an API key",
    description="At once and for ever; a key may revoke itself. Of a second time the first stays the time.",
    status_code=200,
    responses=answers(200, "The key", {"api_key": REVOKED_KEY}),
)
async def revoke_api_key(services: Provided, asking: Asker, key_id: KeyPath) -> Response[bytes]:
    stream, need = Stream("api_key", key_id), KEYS.need(key_id)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, event) for event in revoke_key(existing(known, need))]

    command = Command(
        origin=origin(services, asking),
        decide=decide, answer=lambda known, _: {"api_key": revoked_key_body(existing(known, need))}, needs=(need,),
        streams=(stream,),
    )  # fmt: skip
    return await carry_out(services, asking, command)


@post(
    "/api/v1/api_keys/{key_id:uuid}/rotate",
    opt={
        "access": "user+",
        "custody": True,
        "fresh": True,
        "errors": ("limit_reached", "rejected", "orchestrator_agent_required", *RETRYABLE),
    },
    tags=TAGS,
    summary="Replace an API key by a new one",
    description=(
        "Same name, role and agent, no expiry. The old key is good for grace_period_hours more: 24 unless said, "
        "168 at most, none for 0."
    ),
    status_code=201,
    responses=answers(201, "The new key", {"new_key": NEW_KEY, "old_key_expires_at": "2026-03-28T12:00:00.000000Z"}),
)
async def rotate_api_key(
    services: Provided, asking: Asker, key_id: KeyPath, data: JSONBody[RotateKeyBody]
) -> Response[bytes]:
    return await replace_key(services, asking, key_id, data.hours())


ROUTES: Sequence[HTTPRouteHandler] = (
    create_api_key,
    list_api_keys,
    revoke_api_key,
    rotate_api_key,
)
