"""Many stories in one request (spec 01, section 3.6): the single transitions, one for each entry, and no other way."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Struct, structs

from api.commands import submit
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.http.codes import CODES
from api.http.refusal import Refused
from api.http.validation import misfit
from api.lifecycle import examples
from api.lifecycle.implementer import claim_transition
from api.lifecycle.judges import reject_transition, verify_transition
from api.lifecycle.once import Worked, answered_once, named_in_the_body
from api.lifecycle.rights import keys_at_hand
from api.lifecycle.schemas import (
    MOST_IN_BULK,
    BulkBody,
    BulkClaimBody,
    RejectBody,
    VerifyBody,
    json_text,
)
from api.lifecycle.transitions import Bodies, Transition, transition_command
from api.paths import EpicPath
from api.services import Provided, Services
from domain.errors import Invalid, NotFound
from domain.lifecycle import judges as confirming
from domain.lifecycle.identity import identity_of
from domain.lifecycle.implementer import Hold
from domain.lifecycle.judges import Judgement
from domain.lifecycle.refusals import need_orchestrator
from eventstore.log.command import Reply
from projections.rows.epics import EPICS
from projections.rows.stories import STORIES, stories_to_verify

TAGS = ["Lifecycle in bulk"]
BULK_ERRORS = ("orchestrator_agent_required", "idempotency_key_reused")
HALTED = "tenant_halted"
SLICE = 256
"""Entries that wait for the tenant's lane at a time, so that one request does not fill its queue."""


class Entry(Struct, frozen=True):
    """One of many: which story, and what to do. ``transition`` is None for an entry that is wrong by itself.
    ``place`` is where in the request it stands."""

    story_id: Any
    transition: Transition | None
    problem: str = ""
    code: str = ""
    place: str = ""


class Outcome(Struct, frozen=True):
    entry: Entry
    reply: Reply | None
    problem: str = ""

    @property
    def succeeded(self) -> bool:
        return self.reply is not None and self.reply.status < 300

    @property
    def code(self) -> str:
        return self.entry.code if self.reply is None else str(_error(self.reply).get("code", ""))

    @property
    def reason(self) -> str:
        return self.problem if self.reply is None else str(_error(self.reply).get("message", ""))


async def carry_out_all(services: Services, asking: Asking, entries: Sequence[Entry]) -> Sequence[Outcome]:
    """In the order of the request. The lane decides them one after the other and commits them together."""

    async def one(entry: Entry) -> Outcome:
        if entry.transition is None:
            return Outcome(entry, None, entry.problem)
        alone = _for_entry(asking, entry.story_id)
        command = transition_command(services, alone, entry.story_id, entry.transition)
        reply = await submit(services, alone, command)
        return Outcome(entry, reply)

    outcomes: list[Outcome] = []
    for start in range(0, len(entries), SLICE):
        some = entries[start : start + SLICE]
        done = await asyncio.gather(*map(one, some), return_exceptions=True)
        for entry, outcome in zip(some, done, strict=True):
            outcomes.append(_outcome(entry, outcome, outcomes))
    return outcomes


def _outcome(entry: Entry, done: Outcome | BaseException, before: Sequence[Outcome]) -> Outcome:
    """Raises what is no answer to one entry, such as a lost database: it is the answer to the whole request. A halt is
    that only where nothing was decided before it; one of these may have caused it."""
    if isinstance(done, Outcome):
        return done
    if isinstance(done, Refused) and done.code == HALTED and any(each.reply for each in before):
        return Outcome(structs.replace(entry, code=done.code), None, CODES[done.code].message or "")
    raise done


def _for_entry(asking: Asking, story_id: UUID) -> Asking:
    """With an idempotency key of its own, so that a retry of the whole finds what became of each."""
    whole = asking.idempotency
    if whole is None:
        return asking
    key = sha256(b"%b\n%b\n%b" % (whole.key.encode(), whole.request_hash, story_id.bytes)).hexdigest()
    return structs.replace(asking, idempotency=structs.replace(whole, key=f"bulk:{key}"))


@post(
    "/api/v1/stories/bulk/claim",
    opt={"access": "=agent", "custody": True, "errors": ("idempotency_key_reused",)},
    tags=TAGS,
    summary="Claim many stories",
    description="At most 50. Each as by itself; 422 with the same body when none succeeded.",
    status_code=200,
    responses=answers(200, "What became of each", examples.BULK),
)
async def claim_stories(services: Provided, asking: Asker, data: JSONBody[BulkClaimBody]) -> Response[bytes]:
    items = [{"story_id": item} for item in _items(data.story_ids, "story_ids")]

    def entry(story_id: UUID, _: Any) -> Transition:
        return claim_transition(services, asking, story_id, Hold())

    entries = _entries("story_ids", items, entry)
    return await answered_once(services, asking, named_in_the_body, partial(_worked, services, asking, entries))


def verifying(services: Services, asking: Asking, story_id: UUID, item: Any) -> Transition:
    return verify_transition(services, asking, story_id, _read(item, VerifyBody))


def rejecting(services: Services, asking: Asking, _: UUID, item: Any) -> Transition:
    return reject_transition(services, asking, _read(item, RejectBody))


def completing(services: Services, asking: Asking, _: UUID, item: Any) -> Transition:
    body = _read(item, VerifyBody)
    judgement = Judgement(
        verification_id=services.new_id(), review_type=body.review_type or "pre_existing", summary=body.summary,
        findings=json_text(body.findings),
    )  # fmt: skip
    return Transition(
        action="mark-complete",
        decide=lambda facts: confirming.mark_complete(facts.story, facts.who, facts.policy, judgement),
        body=Bodies(services, asking).story,
        confirms=True,
    )


Judging = Callable[[Services, Asking, UUID, Any], Transition]
"""The transition of one entry."""


def _judging(name: str) -> dict[str, Any]:
    return {
        "opt": {"access": "=orchestrator", "custody": True, "errors": BULK_ERRORS},
        "tags": TAGS,
        "operation_id": f"bulk_{name}",
        "description": "At most 50, each under the rules of a single one; 422 with the same body when none succeeded.",
        "status_code": 200,
        "responses": answers(200, "What became of each", examples.BULK),
    }


@post("/api/v1/stories/bulk/verify", **_judging("verify"), summary="Confirm the work of many stories")
async def verify_stories(services: Provided, asking: Asker, data: JSONBody[BulkBody]) -> Response[bytes]:
    return await _judge(services, asking, data, verifying)


@post("/api/v1/stories/bulk/reject", **_judging("reject"), summary="Reject the work of many stories")
async def reject_stories(services: Provided, asking: Asker, data: JSONBody[BulkBody]) -> Response[bytes]:
    return await _judge(services, asking, data, rejecting)


@post(
    "/api/v1/stories/bulk/mark-complete",
    **_judging("mark_complete"),
    summary="Mark many stories that were finished before loopctl",
)
async def mark_stories_complete(services: Provided, asking: Asker, data: JSONBody[BulkBody]) -> Response[bytes]:
    return await _judge(services, asking, data, completing)


async def _judge(services: Services, asking: Asking, data: BulkBody, judging: Judging) -> Response[bytes]:
    need_orchestrator(identity_of(asking.caller))
    items = _items(data.stories, "stories")
    await keys_at_hand(
        services, asking, [item for item in items if isinstance(item, dict) and "capability" in item] or None
    )
    entries = _entries("stories", items, lambda story_id, item: judging(services, asking, story_id, item))
    return await answered_once(services, asking, named_in_the_body, partial(_worked, services, asking, entries))


@post(
    "/api/v1/epics/{epic_id:uuid}/verify-all",
    opt={"access": "=orchestrator", "custody": True, "errors": (*BULK_ERRORS, "review_required")},
    tags=TAGS,
    summary="Confirm all reported stories of an epic",
    description="Each under the rules of a single one; what was refused is listed with its reason.",
    status_code=200,
    responses=answers(200, "How many", {"verified_count": 1, "skipped_count": 0, "total_eligible": 1, "errors": []}),
)
async def verify_all_of_epic(
    services: Provided, asking: Asker, epic_id: EpicPath, data: JSONBody[VerifyBody]
) -> Response[bytes]:
    need_orchestrator(identity_of(asking.caller))
    confirming.need_review(data.review_type, data.summary)
    confirming.checked_result(data.result or "pass")
    await keys_at_hand(services, asking, data.capability)
    return await answered_once(
        services, asking, partial(_to_verify, services, asking, epic_id), partial(_verified, services, asking, data)
    )  # fmt: skip


async def _to_verify(services: Services, asking: Asking, epic_id: UUID) -> Sequence[UUID]:
    """Raises NotFound."""
    async with services.reading(asking.caller.tenant_id) as tx:
        if not await EPICS.load(tx, [epic_id]):
            raise NotFound("Not found")
        return [story.story_id for story in await stories_to_verify(tx, epic_id)]


async def _verified(services: Services, asking: Asking, data: VerifyBody, stories: Sequence[UUID]) -> Worked:
    numbers = await _numbers(services, asking, stories)
    entries = [Entry(story_id, verify_transition(services, asking, story_id, data)) for story_id in stories]
    outcomes = await carry_out_all(services, asking, entries)
    refused = [outcome for outcome in outcomes if not outcome.succeeded]
    body = {
        "verified_count": len(outcomes) - len(refused),
        "skipped_count": len(refused),
        "total_eligible": len(outcomes),
        "errors": [
            {
                "story_id": outcome.entry.story_id,
                "number": numbers.get(outcome.entry.story_id),
                "code": outcome.code,
                "reason": outcome.reason,
            }
            for outcome in refused
        ],
    }
    return Worked(200, body, _last(outcomes), whole=_whole(outcomes))


def _items(given: Any, field: str) -> Sequence[Any]:
    """Raises Invalid."""
    if not isinstance(given, list):
        raise Invalid(**{field: "must be a list"})
    if not given:
        raise Invalid(**{field: "can't be empty"})
    if len(given) > MOST_IN_BULK:
        raise Invalid(**{field: f"should have at most {MOST_IN_BULK} item(s)"})
    return given


def _entries(field: str, items: Sequence[Any], transition: Callable[[UUID, Any], Transition]) -> Sequence[Entry]:
    """One for each item. A story that is named again is refused there: what is said of it first counts."""
    entries: list[Entry] = []
    first: dict[UUID, str] = {}
    for row, item in enumerate(items):
        place = f"{field}[{row}]"
        given = item.get("story_id") if isinstance(item, dict) else None
        try:
            story_id = UUID(given.strip()) if isinstance(given, str) else None
        except ValueError:
            story_id = None
        if story_id is None:
            entries.append(Entry(given, None, "Story not found", "not_found", place))
        elif story_id in first:
            entries.append(Entry(story_id, None, f"is at {first[story_id]} already", "validation_failed", place))
        else:
            first[story_id] = place
            entries.append(_entry(story_id, place, item, transition))
    return entries


def _entry(story_id: UUID, place: str, item: Any, transition: Callable[[UUID, Any], Transition]) -> Entry:
    try:
        return Entry(story_id, transition(story_id, item), place=place)
    except Invalid as error:
        return Entry(story_id, None, _told(error), "validation_failed", place)


def _told(error: Invalid) -> str:
    """In one line, for a place that has no details."""
    return "; ".join(f"{field} {text}" for field, texts in error.facts["details"].items() for text in texts)


def _read(item: Any, kind: Any) -> Any:
    """Raises Invalid."""
    try:
        return msgspec.convert(item, kind)
    except msgspec.ValidationError as error:
        raise misfit(error, kind) from None


async def _worked(services: Services, asking: Asking, entries: Sequence[Entry], _: Sequence[UUID]) -> Worked:
    outcomes = await carry_out_all(services, asking, entries)
    refused = [outcome.entry.story_id for outcome in outcomes if not outcome.succeeded]
    numbers = await _numbers(services, asking, [each for each in refused if isinstance(each, UUID)])
    results = [
        {"story_id": outcome.entry.story_id, "status": "success"}
        if outcome.succeeded
        else {
            "story_id": outcome.entry.story_id,
            "status": "error",
            "number": numbers.get(outcome.entry.story_id) if isinstance(outcome.entry.story_id, UUID) else None,
            "place": outcome.entry.place,
            "code": outcome.code,
            "reason": outcome.reason,
        }
        for outcome in outcomes
    ]
    status = 200 if any(outcome.succeeded for outcome in outcomes) else 422
    return Worked(status, {"results": results}, _last(outcomes), whole=_whole(outcomes))


async def _numbers(services: Services, asking: Asking, stories: Sequence[UUID]) -> Mapping[UUID, str]:
    """By id, of those that are there."""
    if not stories:
        return {}
    async with services.reading(asking.caller.tenant_id) as tx:
        return {story_id: story.number for story_id, story in (await STORIES.load(tx, stories)).items()}


def _whole(outcomes: Sequence[Outcome]) -> bool:
    return all(outcome.code != HALTED for outcome in outcomes)


def _last(outcomes: Sequence[Outcome]) -> int | None:
    positions = [outcome.reply.position for outcome in outcomes if outcome.reply and outcome.reply.position is not None]
    return max(positions, default=None)


def _error(reply: Reply) -> dict[str, Any]:
    decoded = msgspec.json.decode(reply.body) if reply.body else {}
    found: dict[str, Any] = decoded.get("error", {}) if isinstance(decoded, dict) else {}
    return found


ROUTES: Sequence[HTTPRouteHandler] = (
    claim_stories,
    verify_stories,
    reject_stories,
    mark_stories_complete,
    verify_all_of_epic,
)
