"""Dispatches: /api/v1/dispatches (spec 01, section 3.8)."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.commands import carry_out, origin
from api.dispatches.examples import DISPATCH, MINTED
from api.dispatches.minting import mint
from api.dispatches.schemas import DispatchesQuery, MintBody, dispatch_body
from api.documentation.responses import answers
from api.http.asking import Asker
from api.pages import page_of
from api.paths import DispatchPath
from api.projects.examples import META
from api.services import Provided
from domain.dispatch import DispatchRevoked, may_end, revoke_dispatch
from domain.errors import NotFound
from domain.event import Recorded, Stream
from domain.lifecycle.identity import identity_of
from eventstore.log.command import Change, Command, Known, existing
from projections.rows.dispatches import DISPATCHES, LIVE, find_dispatch, list_dispatches

TAGS = ["Dispatches"]
RETRYABLE = ("idempotency_key_reused",)


@post(
    "/api/v1/dispatches",
    opt={
        "access": "orchestrator+",
        "custody": True,
        "fresh": True,
        "errors": (
            "not_found", "limit_reached", "orchestrator_agent_required", "parent_dispatch_expired",
            "foreign_parent_dispatch", "dispatch_exceeds_parent", *RETRYABLE,
        ),
    },
    tags=TAGS,
    summary="Dispatch an agent with a key of its own",
    description=(
        "The key ends by itself, and is shown in this answer only; a retry with the same Idempotency-Key shows it "
        "again. Its role and its end are at most those of the dispatch above it, and never user. Whoever was "
        "dispatched mints below its own dispatch; an orchestrator's long-lived key is the root of what it mints; a "
        "user key makes a root of its own, or mints below any dispatch."
    ),
    status_code=201,
    responses=answers(201, "The dispatch and its key", {"data": MINTED}),
)  # fmt: skip
async def mint_dispatch(services: Provided, asking: Asker, data: JSONBody[MintBody]) -> Response[bytes]:
    return await mint(services, asking, data)


@get(
    "/api/v1/dispatches",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List dispatches",
    description="Newest first, those that are over among them unless active_only is true.",
    responses=answers(200, "A page of dispatches", {"data": [DISPATCH], "meta": META}),
)
async def list_dispatches_of_tenant(
    services: Provided, asking: Asker, wanted: NamedDependency[DispatchesQuery]
) -> dict[str, Any]:
    page, tenant_id = page_of(wanted), asking.caller.tenant_id
    async with services.reading(tenant_id) as tx:
        found, total = await list_dispatches(
            tx, wanted.role or None, services.utc_now(), live=wanted.active_only, page=(page.limit, page.offset)
        )
    return page.answer([dispatch_body(tenant_id, each) for each in found], total)


@get(
    "/api/v1/dispatches/{dispatch_id:uuid}",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="Show a dispatch",
    responses=answers(200, "The dispatch", {"data": DISPATCH}),
)
async def show_dispatch(services: Provided, asking: Asker, dispatch_id: DispatchPath) -> dict[str, Any]:
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await find_dispatch(tx, dispatch_id)
    if found is None:
        raise NotFound("Not found")
    return {"data": dispatch_body(asking.caller.tenant_id, found)}


@post(
    "/api/v1/dispatches/{dispatch_id:uuid}/revoke",
    opt={"access": "orchestrator+", "custody": True, "errors": ("foreign_parent_dispatch", *RETRYABLE)},
    tags=TAGS,
    summary="Revoke a dispatch and everything below it",
    description="At once: the next request with one of their keys is refused. Whoever is above a dispatch may, and a "
    "user key. What was revoked already counts nothing.",
    status_code=200,
    responses=answers(200, "How many ended", {"data": {"revoked_count": 1}}),
)
async def revoke_dispatches(services: Provided, asking: Asker, dispatch_id: DispatchPath) -> Response[bytes]:
    stream, need, who = Stream("dispatch", dispatch_id), DISPATCHES.need(dispatch_id), identity_of(asking.caller)
    live = LIVE.need((dispatch_id, services.utc_now()))

    def decide(known: Known) -> Sequence[Change]:
        dispatch = existing(known, need)
        may_end(who, dispatch)
        return [Change(stream, event) for event in revoke_dispatch(dispatch, known[live])]

    def answer(_: Known, recorded: Sequence[Recorded]) -> Any:
        counts = [each.event.ended for each in recorded if isinstance(each.event, DispatchRevoked)]
        return {"data": {"revoked_count": sum(counts)}}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=(need, live), streams=(stream,)
    )
    return await carry_out(services, asking, command)


ROUTES: Sequence[HTTPRouteHandler] = (
    mint_dispatch,
    list_dispatches_of_tenant,
    show_dispatch,
    revoke_dispatches,
)
