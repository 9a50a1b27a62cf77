"""Erasing the texts of an event: gone from the service, while the log goes on proving that something was said."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, Struct

from api.commands import carry_out, origin
from api.documentation.responses import answers
from api.http.asking import Asker
from api.http.query import StrictQuery
from api.services import Provided
from domain.erasure import PayloadErased, erase_payload, erasure_stream
from domain.errors import NotFound
from domain.event import Recorded
from eventstore.log.command import Change, Command, Known
from eventstore.log.payloads import Payload, payloads_after
from loopctl.tlog.spelling import LARGEST
from projections.facts.erasable import ERASABLE

ERASURE = {
    "position": 42, "event": "story.created", "entity_type": "story",
    "entity_id": "0193a2b4-0000-7000-8000-000000000001", "members": ["description"], "reason": "a name",
    "recorded_position": 60,
}  # fmt: skip


TEXTS = {
    "texts": [{"position": 42, "salt": "AAECAwQFBgcICQoLDA0ODw==", "payload": "eyJkZXNjcmlwdGlvbiI6IkEgbmFtZSJ9"}],
    "has_more": False, "next_after": 42,
}  # fmt: skip


class TextsQuery(StrictQuery, frozen=True, kw_only=True):
    after: Annotated[int, Meta(ge=-1, le=LARGEST, description="Position of the last text that you have")] = -1
    limit: Annotated[int, Meta(ge=1, le=1000, description="At most this many; default 100")] = 100


class Texts(Struct, frozen=True):
    """``salt`` and ``payload`` are base64."""

    texts: list[Payload]
    has_more: bool
    next_after: int


class EraseBody(Struct, frozen=True):
    reason: Annotated[str, Meta(max_length=65_536)] = ""


@get(
    "/api/v1/audit/texts",
    opt={"access": "user+"},
    tags=["Audit"],
    summary="The texts that the log is committed to and that were not erased",
    description="What an export does not have: for each entry with texts beside it the salt and the canonical JSON of "
    "the texts, of which `commit` in the entry is the hash. Go on with `after` = next_after.",
    responses=answers(200, "A page of texts", TEXTS),
)
async def list_texts(services: Provided, asking: Asker, wanted: NamedDependency[TextsQuery]) -> Texts:
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await payloads_after(tx, wanted.after, wanted.limit + 1)
    shown = found[: wanted.limit]
    return Texts(shown, len(found) > wanted.limit, shown[-1].position if shown else wanted.after)


@post(
    "/api/v1/audit/entries/{position:int}/erase",
    opt={
        "access": "user+", "fresh": True,
        "errors": ("nothing_to_erase", "payload_erased", "idempotency_key_reused", "validation_failed"),
    },
    tags=["Audit"],
    summary="Erase the texts of an event",
    description="Descriptions, the data of observations, saved states. They are deleted beside the log, and what was "
    "made of them shows `[erased]`. Entry, proofs and receipts stay as they are; the reason stands in an event. Later "
    "events of the same entity may have copies, each with a position of its own: see the audit trail.",
    responses=answers(200, "What was erased", {"data": ERASURE}),
    status_code=200,
)  # fmt: skip
async def erase(
    services: Provided,
    asking: Asker,
    position: Annotated[int, PathParameter(description="Place of the entry in the log")],
    data: JSONBody[EraseBody],
) -> Response[bytes]:
    if not 0 <= position <= LARGEST:
        raise NotFound("Not found")
    stream, need = erasure_stream(asking.caller.tenant_id), ERASABLE.need(position)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, erase_payload(known[need], position, data.reason))]

    def answer(_: Known, recorded: Sequence[Recorded]) -> Any:
        return {"data": erasure_body(recorded[-1])}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=(need,), streams=(stream,), alone=True,
        forgets=True,
    )  # fmt: skip
    return await carry_out(services, asking, command)


def erasure_body(recorded: Recorded) -> dict[str, Any]:
    erased = recorded.event
    assert isinstance(erased, PayloadErased)  # noqa: S101  # as decided
    return {
        "position": erased.seq, "event": erased.event, "entity_type": erased.entity_kind,
        "entity_id": erased.entity_id, "members": erased.members, "reason": erased.reason,
        "recorded_position": recorded.position,
    }  # fmt: skip


ROUTES: Sequence[HTTPRouteHandler] = (
    erase,
    list_texts,
)
