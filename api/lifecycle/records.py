"""What was said of a story besides its state: artifacts, verification results, reviews (spec 01, section 3.7)."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from api.commands import carry_out, origin
from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.lifecycle import examples
from api.lifecycle.schemas import ArtifactBody, artifact_body, json_text, review_body, verification_body
from api.lifecycle.transitions import StoryNeeds
from api.pages import PageQuery, page_of
from api.paths import StoryPath
from api.projects.examples import META
from api.services import Provided, Services
from domain.errors import NotFound
from domain.event import Recorded, Stream
from domain.lifecycle.artifacts import Artifact, report_artifact
from domain.lifecycle.identity import identity_of
from domain.lifecycle.refusals import check_active
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Change, Command, Known, existing
from projections.rows.custody_records import list_artifacts, list_reviews, list_verifications
from projections.rows.stories import STORIES

TAGS = ["Lifecycle"]

Read = Callable[[TenantTx, UUID, int, int], Awaitable[Sequence[Any]]]
Shown = Callable[[UUID, Any], dict[str, Any]]
"""From tenant and row to what is sent."""


def _listing(name: str, access: str, example: object) -> dict[str, Any]:
    return {
        "opt": {"access": access},
        "tags": TAGS,
        "operation_id": f"list_{name}_of_story",
        "summary": f"List the {name} of a story",
        "description": "Artifacts with the oldest first, the others with the newest first.",
        "responses": answers(200, f"A page of {name}", {"data": [example], "meta": META}),
    }


@get("/api/v1/stories/{story_id:uuid}/artifacts", **_listing("artifacts", "agent+", examples.ARTIFACT))
async def list_artifacts_of_story(
    services: Provided, asking: Asker, story_id: StoryPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    return await _list(services, asking, story_id, wanted, (list_artifacts, artifact_body))


@get(
    "/api/v1/stories/{story_id:uuid}/verifications",
    **_listing("verifications", "orchestrator+", examples.VERIFICATION),
)
async def list_verifications_of_story(
    services: Provided, asking: Asker, story_id: StoryPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    return await _list(services, asking, story_id, wanted, (list_verifications, verification_body))


@get("/api/v1/stories/{story_id:uuid}/reviews", **_listing("reviews", "agent+", examples.REVIEW))
async def list_reviews_of_story(
    services: Provided, asking: Asker, story_id: StoryPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    return await _list(services, asking, story_id, wanted, (list_reviews, review_body))


async def _list(
    services: Services, asking: Asking, story_id: UUID, wanted: PageQuery, records: tuple[Read, Shown]
) -> dict[str, Any]:
    page, (read, shown) = page_of(wanted), records
    async with services.reading(asking.caller.tenant_id) as tx:
        if not await STORIES.load(tx, [story_id]):
            raise NotFound("Not found")
        rows = await read(tx, story_id, page.limit, page.offset)
        counted = rows or (await read(tx, story_id, 1, 0) if page.offset else [])
    return page.answer([shown(asking.caller.tenant_id, row) for row in rows], counted[0]["total"] if counted else 0)


@post(
    "/api/v1/stories/{story_id:uuid}/artifacts",
    opt={"access": "=agent,orchestrator", "custody": True, "errors": ("agent_deactivated", "idempotency_key_reused")},
    tags=TAGS,
    summary="Report an artifact",
    description="Something that the work has produced, in any state of the story. Nobody checks that it exists.",
    status_code=201,
    responses=answers(201, "The artifact report", {"artifact_report": examples.ARTIFACT}),
)
async def report_artifact_of_story(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[ArtifactBody]
) -> Response[bytes]:
    stream = Stream("artifact_report", services.new_id())
    said = Artifact(
        artifact_id=stream.id, artifact_type=data.artifact_type, path=data.path, exists=data.exists is not False,
        details=json_text(data.details),
    )  # fmt: skip
    who, needs = identity_of(asking.caller), StoryNeeds(asking, story_id)

    def decide(known: Known) -> Sequence[Change]:
        check_active(needs.caller_agent(known))
        return [Change(stream, report_artifact(existing(known, needs.story), who, said))]

    command = Command(
        origin=origin(services, asking),
        decide=decide,
        answer=partial(_answer, asking.caller.tenant_id),
        needs=needs.all,
        streams=(stream,),
        status=201,
    )
    return await carry_out(services, asking, command)


def _answer(tenant_id: UUID, _: Known, recorded: Sequence[Recorded]) -> dict[str, Any]:
    (made,) = recorded
    row = {**msgspec.structs.asdict(made.event), "artifact_id": made.stream.id, "created_at": made.at}
    return {"artifact_report": artifact_body(tenant_id, row)}


ROUTES: Sequence[HTTPRouteHandler] = (
    list_artifacts_of_story,
    list_verifications_of_story,
    list_reviews_of_story,
    report_artifact_of_story,
)
