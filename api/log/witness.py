"""Heads that clients show, and the proofs that came of them."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
import structlog
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta, Struct

from api.commands import refused
from api.documentation.responses import answers
from api.http.asking import Asker
from api.http.refusal import Refused
from api.paths import TenantPath
from api.services import Provided, Services
from domain.caller import Caller
from domain.errors import Invalid
from domain.event import Stream
from domain.tenant import CustodyHalted
from eventstore.heads.cosignatures import NotCosigned, cosign
from eventstore.heads.evidence import Weighed, keep_proof, read_proofs, weigh
from eventstore.log.command import Change, Command, Origin
from loopctl.audit.fork import ForkProof
from loopctl.tlog.errors import TlogError
from projections.rows.agents import find_agent
from projections.rows.tenants import TENANTS

log = structlog.get_logger("api")

TAGS = ["Log"]
PROOF = {
    "evidence": "90e97eddc5d785e38b3ddb7fb03070ea7e58f402adbb63e93c1ed20e591923ab",
    "found_at": "2026-03-27T12:00:00.000000Z",
    "proof": {"format": "loopctl-fork-proof/v1", "kind": "same_size", "origin": "loopctl.example/t/0193a2b4", "…": "…"},
}


async def judge_head(services: Services, caller: Caller, note: bytes) -> Weighed:
    """A contradiction to a head that the log has signed halts custody, and nothing else does. Raises Refused."""
    try:
        async with services.reading(caller.tenant_id) as tx:
            weighed = await weigh(tx, note)
    except (TlogError, ValueError) as error:
        problem = str(error) if isinstance(error, TlogError) else "it is no text"
        log.warning(
            "witness_evidence_invalid", tenant_id=str(caller.tenant_id), key_id=str(caller.key_id), problem=problem
        )
        raise Refused("witness_evidence_invalid", f"This is no head that this log has signed: {problem}.") from None
    if weighed.proof is None:
        return weighed
    log.error("witness_divergence", tenant_id=str(caller.tenant_id), key_id=str(caller.key_id), size=weighed.size)
    if not weighed.known:
        await _halt(services, caller, weighed, weighed.proof)
    raise Refused("witness_divergence", evidence=weighed.evidence.hex(), claimed_size=weighed.size)


async def keep_cosignature(services: Services, caller: Caller, size: int, blob: bytes) -> None:
    """Under the head of this size. One that is none halts nothing, and is kept nowhere. Raises Refused."""
    async with services.reading(caller.tenant_id) as tx:
        found = await find_agent(tx, caller.agent_id) if caller.agent_id else None
        if found is None or found[0].cosigner is None:
            raise _no_cosignature("the agent has no cosigner's key, which a user gives it: PATCH /api/v1/agents/{id}")
        try:
            agent = (found[0].agent_id, found[0].cosigner)
            await cosign(tx, agent, size, blob, services.utc_now().timestamp())
        except NotCosigned as error:
            raise _no_cosignature(str(error)) from None


def _no_cosignature(problem: str) -> Refused:
    told = f"This is no cosignature of that head by this agent: {problem}. Make it anew, or leave cosig out."
    return Refused("witness_cosignature_invalid", told)


async def _halt(services: Services, caller: Caller, weighed: Weighed, proof: ForkProof) -> None:
    stream = Stream("tenant", caller.tenant_id)
    event = CustodyHalted(
        reason="witness_divergence", evidence=weighed.evidence.hex(), kind=proof.kind,
        claimed_size=weighed.size,
    )  # fmt: skip
    await services.submit(
        caller.tenant_id,
        Command(
            origin=Origin(actor=caller.actor, at=services.utc_now(), refuse=refused), needs=(TENANTS.need(stream.id),),
            decide=lambda _: [Change(stream, event)], answer=lambda *_: None, streams=(stream,),
            beside=partial(keep_proof, evidence=weighed.evidence, proof=proof.encode()),
        ),
    )  # fmt: skip
    await services.callers_changed(caller.tenant_id)


@get(
    "/api/v1/tenants/{tenant_id:uuid}/fork-proofs",
    opt={"access": "public"},
    tags=TAGS,
    summary="Every proof that a log has contradicted itself",
    description="Oldest first, for `loopctl log fork-proof`. They are never deleted.",
    responses=answers(200, "The proofs", {"data": [PROOF]}),
)
async def list_fork_proofs(services: Provided, tenant_id: TenantPath) -> dict[str, Any]:
    await services.log_reader.keys(tenant_id)  # of no such log as of none: not found
    async with services.reading(tenant_id) as tx:
        found = await read_proofs(tx)
    return {"data": [_proof(*each) for each in found]}


class ShowHeadBody(Struct, frozen=True, kw_only=True):
    note: Annotated[str, Meta(max_length=65_536, description="A signed head, as a client has kept it")] = ""


@post(
    "/api/v1/audit/witness",
    opt={"access": "agent+", "custody": True, "way_out": True},
    tags=TAGS,
    operation_id="show_head",
    summary="Show a signed head that you have seen",
    description="What Loopctl-Witness-Note does with any other request, for whoever would rather send a body; also "
    "where `witness_mode` is `off`. A head that the log extends is good. One that contradicts it halts custody (409 "
    "`witness_divergence`; the proof is at fork-proofs). One that no key of the log has signed is refused, and nothing "
    "comes of it.",
    status_code=200,
    responses=answers(200, "The log has this head", {"data": {"size": 5, "verdict": "extended"}}),
)
async def show_head(services: Provided, asking: Asker, data: JSONBody[ShowHeadBody]) -> dict[str, Any]:
    if not data.note:
        raise Invalid(note="can't be blank")
    weighed = await judge_head(services, asking.caller, data.note.encode(errors="surrogatepass"))
    return {"data": {"size": weighed.size, "verdict": "extended"}}


def _proof(evidence: bytes, proof: bytes, found_at: datetime) -> dict[str, Any]:
    return {"evidence": evidence.hex(), "found_at": found_at, "proof": msgspec.Raw(proof)}


ROUTES: Sequence[HTTPRouteHandler] = (list_fork_proofs, show_head)
