"""Takes in what coding agents measure: OTLP over HTTP, in protobuf and in JSON (opentelemetry.io, OTLP 1.x)."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta, Struct, structs

from api.commands import origin, submit
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.http.endpoints import SentHeaders
from api.otlp.attributes import Read
from api.otlp.log_records import samples_of_logs
from api.otlp.protobuf import logs_as_json, metrics_as_json, partial_success, traces_as_json
from api.otlp.samples import samples_of_metrics, samples_of_spans
from api.services import Provided, Services
from domain.event import Recorded, Stream
from domain.tenant_settings import read_settings
from domain.usage.metered import Sample, Whose, record_metered
from eventstore.log.command import Change, Command, IdempotencyKey, Known, existing
from projections.rows.metered_usage import METERED_MARKS
from projections.rows.stories import STORIES
from projections.rows.tenants import TENANTS

TAGS = ["Costs"]
LARGEST_BODY = 1_000_000
PROTOBUF = "application/x-protobuf"
OPTIONS: dict[str, Any] = {
    "access": "agent+", "any_accept": True, "body_bytes": LARGEST_BODY, "errors": ("idempotency_key_reused",),
}  # fmt: skip
DESCRIPTION = (
    "Of an exporter whose endpoint is /api/v1/otlp, with the agent's key as its bearer token; application/json or "
    "application/x-protobuf, and gzip for either. The attribute loopctl.story_id says what the work is for. What is "
    "taken in is kept apart from what agents report themselves. Numbers that cannot be taken are counted in "
    "partialSuccess; the same bytes again count once."
)

Resource = Annotated[dict[str, Any], Meta(max_length=64)]


class MetricsBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """ExportMetricsServiceRequest."""

    resource_metrics: Annotated[list[Resource], Meta(max_length=1000)] = []


class TracesBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """ExportTraceServiceRequest."""

    resource_spans: Annotated[list[Resource], Meta(max_length=1000)] = []


class LogsBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """ExportLogsServiceRequest."""

    resource_logs: Annotated[list[Resource], Meta(max_length=1000)] = []


@post(
    "/api/v1/otlp/v1/metrics",
    opt={**OPTIONS, "packed": {PROTOBUF.encode(): metrics_as_json}},
    tags=TAGS,
    summary="Take in metrics of token usage (OTLP)",
    description=DESCRIPTION,
    status_code=200,
    responses=answers(200, "What was not taken; nothing when all was", {}),
)
async def take_metrics(
    services: Provided, asking: Asker, sent_headers: SentHeaders, data: JSONBody[MetricsBody]
) -> Response[bytes]:
    read = samples_of_metrics(data.resource_metrics, str(asking.caller.agent_id or asking.caller.key_id))
    return await _take(services, _once(asking, data), sent_headers, ("rejectedDataPoints", read))


@post(
    "/api/v1/otlp/v1/traces",
    opt={**OPTIONS, "packed": {PROTOBUF.encode(): traces_as_json}},
    tags=TAGS,
    summary="Take in spans with token usage (OTLP)",
    description=DESCRIPTION,
    status_code=200,
    responses=answers(200, "What was not taken; nothing when all was", {}),
)
async def take_traces(
    services: Provided, asking: Asker, sent_headers: SentHeaders, data: JSONBody[TracesBody]
) -> Response[bytes]:
    return await _take(
        services, _once(asking, data), sent_headers, ("rejectedSpans", samples_of_spans(data.resource_spans))
    )


@post(
    "/api/v1/otlp/v1/logs",
    opt={**OPTIONS, "packed": {PROTOBUF.encode(): logs_as_json}},
    tags=TAGS,
    summary="Take in log records with token usage (OTLP)",
    description=f"Those that coding agents write of each call of a model; of others nothing is kept. {DESCRIPTION}",
    status_code=200,
    responses=answers(200, "What was not taken; nothing when all was", {}),
)
async def take_logs(
    services: Provided, asking: Asker, sent_headers: SentHeaders, data: JSONBody[LogsBody]
) -> Response[bytes]:
    return await _take(
        services, _once(asking, data), sent_headers, ("rejectedLogRecords", samples_of_logs(data.resource_logs))
    )


def _once(asking: Asking, data: Struct) -> Asking:
    """Exporters send the same bytes again when they have heard no answer: the bytes are the key of the request."""
    if asking.idempotency is not None:
        return asking
    digest = sha256(msgspec.json.encode(data)).digest()
    key = IdempotencyKey(asking.caller.key_id, f"otlp:{type(data).__name__}:{digest.hex()}", digest)
    return structs.replace(asking, idempotency=key)


async def _take(
    services: Services, asking: Asking, headers: Mapping[bytes, bytes], said: tuple[str, Read]
) -> Response[bytes]:
    """``said``: what was read, and what rejected numbers are called in the answer."""
    member, read = said
    reply = await submit(services, asking, _command(services, asking, member, read))
    if not headers.get(b"content-type", b"").lower().startswith(PROTOBUF.encode()) or reply.status != 200:
        return Response(reply.body, status_code=reply.status, media_type="application/json")
    told = msgspec.json.decode(reply.body).get("partialSuccess", {})
    body = partial_success(int(told.get(member, 0)), told.get("errorMessage", ""))
    return Response(body, status_code=200, media_type=PROTOBUF)


def _command(services: Services, asking: Asking, member: str, read: Read) -> Command:
    caller = asking.caller
    groups: dict[Any, list[Sample]] = {}
    for sample in read.samples:
        groups.setdefault(sample.group, []).append(sample)
    streams = {group: Stream("metered_usage", services.new_id()) for group in groups}
    tenant = TENANTS.need(caller.tenant_id)
    stories = {each.story_id: STORIES.need(each.story_id) for each in read.samples if each.story_id}
    marks = {each.mark.series: METERED_MARKS.need(each.mark.series) for each in read.samples if each.mark}

    def decide(known: Known) -> Sequence[Change]:
        prices = read_settings(existing(known, tenant).settings).model_pricing
        before = {series: known[need] for series, need in marks.items()}
        changes: list[Change] = []
        for group, samples in groups.items():
            story_id = samples[0].story_id
            story = known[stories[story_id]] if story_id else None
            if story_id and story is None:
                continue
            place = {"project_id": story.project_id, "epic_id": story.epic_id} if story else {}
            whose = Whose(agent_id=caller.agent_id, **place)
            events = record_metered(samples, before, whose, services.utc_now(), prices)
            changes += [Change(streams[group], event) for event in events]
        return changes

    def answer(known: Known, _: Sequence[Recorded]) -> dict[str, Any]:
        astray = sum(each.story_id is not None and known[stories[each.story_id]] is None for each in read.samples)
        rejected = read.rejected + astray
        if not rejected:
            return {}
        why = read.why or "loopctl.story_id names no story of the tenant"
        return {"partialSuccess": {member: str(rejected), "errorMessage": why}}

    return Command(
        origin=origin(services, asking), decide=decide, answer=answer,
        needs=(tenant, *stories.values(), *marks.values()), streams=(),
    )  # fmt: skip


ROUTES: Sequence[HTTPRouteHandler] = (take_metrics, take_traces, take_logs)
