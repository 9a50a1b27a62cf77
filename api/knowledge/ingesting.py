"""Ingestion: what is asked for is queued, the worker reads it in, and drafts are what is left (spec 03, section 11)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import structs

from api.commands import origin, refused, submit, written
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.knowledge.articles import RETRYABLE, TAGS
from api.knowledge.examples import INGESTION_BATCH, INGESTION_JOB, INGESTION_QUEUED
from api.knowledge.ingestion_schemas import IngestBatchBody, IngestBody
from api.services import Provided, Services
from api.times import wire_time
from domain.errors import Invalid
from domain.event import Stream
from domain.knowledge.ingestion import (
    MOST_ITEMS,
    Earlier,
    IngestionFinished,
    NewIngestion,
    Read,
    check_ingestion,
    draft_id,
    drafted,
    is_repeated,
)
from domain.knowledge.lessons import with_own_title
from eventstore.log.command import Change, Command, Known, Origin
from projections.rows.articles import ARTICLES, TITLE_HOLDER
from projections.rows.ingestions import EARLIER_INGESTION, INGESTIONS, recent_ingestions
from projections.rows.job_findings import Finding
from projections.rows.projects import PROJECTS

ACTOR = ("system", "worker:content_ingestion")
SHOWN = timedelta(days=7)
ACCEPTED = 202
READ = msgspec.json.Decoder(Read)
Told = dict[str, Any]


@post(
    "/api/v1/knowledge/ingest",
    opt={"access": "orchestrator+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Read in an address or a text",
    description="Beside everything else, into drafts: 202, and knowledge/ingestion-jobs says how it is getting on. The "
    "same again within an hour is the same job, and 200; with force it is another one. Addresses are fetched from the "
    "public network alone, without following redirects, up to 10 MB of HTML, Markdown or plain text.",
    status_code=ACCEPTED,
    responses=answers(ACCEPTED, "The job", {"data": INGESTION_QUEUED}),
)
async def ingest(services: Provided, asking: Asker, data: JSONBody[IngestBody]) -> Response[bytes]:
    command = _queueing(services, asking, [data.wish()], lambda told: {"data": told[0]})
    reply = await submit(services, asking, command)
    if reply.status == ACCEPTED and reply.position is None:
        reply = structs.replace(reply, status=200)  # nothing new was queued
    return await written(services, asking, reply)


@post(
    "/api/v1/knowledge/ingest/batch",
    opt={"access": "orchestrator+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Read in up to 50 addresses and texts",
    description="Each by itself: the answer says in the same order what became of it, queued, already_queued or error.",
    status_code=200,
    responses=answers(200, "What became of each", {"data": INGESTION_BATCH}),
)
async def ingest_batch(services: Provided, asking: Asker, data: JSONBody[IngestBatchBody]) -> Response[bytes]:
    items = data.items
    if not items:
        raise Invalid(items="'items' must be a non-empty array")
    if len(items) > MOST_ITEMS:
        raise Invalid(items=f"Batch exceeds max of {MOST_ITEMS} items (got {len(items)})")
    wishes = [each.wish() for each in items]
    command = structs.replace(_queueing(services, asking, wishes, lambda told: {"data": told}, alone=False), status=200)
    return await written(services, asking, await submit(services, asking, command))


@get(
    "/api/v1/knowledge/ingestion-jobs",
    opt={"access": "orchestrator+"},
    tags=TAGS,
    summary="List what was read in lately",
    description="Of the last seven days, the newest 50.",
    responses=answers(200, "Jobs", {"data": [INGESTION_JOB]}),
)
async def list_ingestion_jobs(services: Provided, asking: Asker) -> dict[str, Any]:
    now = services.utc_now()
    async with services.reading(asking.caller.tenant_id) as tx:
        rows = await recent_ingestions(tx, now - SHOWN)
    return {"data": [_job(row) for row in rows]}


def _job(row: Any) -> Told:
    error = row["error"] or row["last_error"]
    state = row["state"]
    if state == "queued":
        state = "available" if row["attempts"] is None else "retryable" if error else "executing"
    tried = [] if error is None else [
        {"at": wire_time(row["attempted_at"] or row["requested_at"]), "attempt": row["attempts"] or 1, "error": error}
    ]  # fmt: skip
    return {
        "id": row["ingestion_id"],
        "state": state,
        "source_type": row["source_type"],
        "url": row["url"],
        "content_hash": row["content_hash"],
        "inserted_at": wire_time(row["requested_at"]),
        "completed_at": None if row["finished_at"] is None else wire_time(row["finished_at"]),
        "article_count": row["article_count"],
        "errors": tried,
    }


def _queueing(
    services: Services, asking: Asking, wishes: Sequence[NewIngestion], answer: Any, *, alone: bool = True
) -> Command:
    """``alone``: what is wrong with one refuses the request; else it is told in its place."""
    ids = [services.new_id() for _ in wishes]
    earlier = {each.dedupe: EARLIER_INGESTION.need(each.dedupe) for each in wishes}
    projects = {each.project_id: PROJECTS.need(each.project_id) for each in wishes if each.project_id}
    told: list[Told] = []
    at = services.utc_now()

    def decide(known: Known) -> Sequence[Change]:
        told.clear()
        changes: list[Change] = []
        queued: dict[str, Earlier] = {}
        for id_, wish in zip(ids, wishes, strict=True):
            before = queued.get(wish.dedupe) or known[earlier[wish.dedupe]]
            try:
                there = wish.project_id is None or known[projects[wish.project_id]] is not None
                event = check_ingestion(wish, project_is_there=there)
            except Invalid as error:
                if alone:
                    raise
                told.append({"status": "error", "error": _in_words(error)})
                continue
            if not wish.force and is_repeated(before, at):
                told.append({"id": before.ingestion_id, "status": "already_queued", "content_hash": wish.content_hash})
                continue
            queued[wish.dedupe] = Earlier(wish.dedupe, id_, at)
            changes.append(Change(Stream("ingestion", id_), event))
            told.append(_queued(id_, wish, at))
        return changes

    return Command(
        origin=origin(services, asking), needs=(*earlier.values(), *projects.values()), status=ACCEPTED,
        streams=tuple(Stream("ingestion", id_) for id_ in ids), decide=decide, answer=lambda *_: answer(told),
    )  # fmt: skip


def _queued(id_: UUID, wish: NewIngestion, at: datetime) -> Told:
    return {
        "id": id_, "status": "queued", "content_hash": wish.content_hash, "source_type": wish.source_type,
        "inserted_at": wire_time(at),
    }  # fmt: skip


def _in_words(error: Invalid) -> str:
    details: Mapping[str, Sequence[Any]] = error.facts.get("details", {})
    return "; ".join(str(message) for messages in details.values() for message in messages) or error.message


def ingested(finding: Finding, now: datetime) -> Command:
    """Drafts of what the worker has read, and that it is finished."""
    read = READ.decode(finding.details)
    stream, need = Stream("ingestion", read.ingestion_id), INGESTIONS.need(read.ingestion_id)

    def following(known: Known) -> Sequence[Any]:
        ingestion = known[need]
        if ingestion is None:
            return ()
        made = [drafted(ingestion, each) for each in read.drafts]
        ids = [draft_id(ingestion, each) for each in read.drafts]
        return (*map(ARTICLES.need, ids), *(TITLE_HOLDER.need(each.title) for each in made))

    def decide(known: Known) -> Sequence[Change]:
        ingestion = known[need]
        if ingestion is None or ingestion.state != "queued":
            return ()
        changes: list[Change] = []
        taken: set[str] = set()
        for draft in read.drafts:
            id_, event = draft_id(ingestion, draft), drafted(ingestion, draft)
            if known[ARTICLES.need(id_)] is not None or any(each.stream.id == id_ for each in changes):
                continue
            if known[TITLE_HOLDER.need(event.title)].article_id is not None or event.title in taken:
                event = with_own_title(event, id_)
            taken.add(event.title)
            changes.append(Change(Stream("article", id_), event))
        finished = IngestionFinished(
            state="discarded" if read.error else "completed", error=read.error, left_out=read.left_out,
            article_ids=tuple(each.stream.id for each in changes), known=len(read.drafts) - len(changes),
        )  # fmt: skip
        return [*changes, Change(stream, finished)]

    def streams(known: Known) -> Sequence[Stream]:
        ingestion = known[need]
        drafts = [] if ingestion is None else [draft_id(ingestion, each) for each in read.drafts]
        return (stream, *(Stream("article", id_) for id_ in drafts))

    return Command(
        origin=Origin(actor=ACTOR, at=now, refuse=refused), needs=(need,), following=following, streams=streams,
        decide=decide, answer=lambda *_: None,
    )  # fmt: skip


ROUTES: Sequence[HTTPRouteHandler] = (ingest, ingest_batch, list_ingestion_jobs)
