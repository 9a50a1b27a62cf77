"""Comments on stories: /api/v1/stories/…/comments."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Struct

from api.commands import carry_out, origin
from api.documentation.responses import answers
from api.http.asking import Asker
from api.lifecycle.transitions import StoryNeeds
from api.pages import PageQuery, page_of
from api.paths import StoryPath
from api.projects.examples import META
from api.projects.routes import RETRYABLE
from api.projects.schemas import Text
from api.services import Provided
from api.times import wire_time
from domain.audit_entry import actor_of
from domain.errors import NotFound
from domain.event import Recorded, Stream
from domain.lifecycle.comments import comment
from domain.lifecycle.events import StoryCommented
from domain.lifecycle.refusals import check_active
from eventstore.log.command import Change, Command, Known, existing
from projections.queries.comments import list_comments
from projections.rows.stories import STORIES

TAGS = ["Stories"]
COMMENT: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000025",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "story_id": "0193a2b4-0000-7000-8000-000000000011",
    "body": "The old key is still needed by the nightly job",
    "author_agent_id": "0193a2b4-0000-7000-8000-000000000031",
    "author_label": "agent:worker-1",
    "position": 42,
    "inserted_at": "2026-03-27T12:00:00.000000Z",
}


class CommentBody(Struct, frozen=True, kw_only=True):
    body: Text | None = None


@post(
    "/api/v1/stories/{story_id:uuid}/comments",
    opt={"access": "agent+", "errors": ("agent_deactivated", *RETRYABLE)},
    tags=TAGS,
    summary="Comment on a story",
    description="In any state of the story, which stays as it is. A comment is never changed; its text can be erased "
    "(`POST /api/v1/audit/entries/{position}/erase`).",
    status_code=201,
    responses=answers(201, "The comment", {"comment": COMMENT}),
)
async def comment_on_story(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[CommentBody]
) -> Response[bytes]:
    stream, comment_id, caller = Stream("story", story_id), services.new_id(), asking.caller
    needs = StoryNeeds(asking, story_id)

    def decide(known: Known) -> Sequence[Change]:
        check_active(needs.caller_agent(known))
        return [Change(stream, comment(existing(known, needs.story), comment_id, caller.agent_id, data.body))]

    def answer(_: Known, recorded: Sequence[Recorded]) -> dict[str, Any]:
        return {"comment": comment_body(caller.tenant_id, recorded[0])}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=needs.all, streams=(stream,), status=201
    )
    return await carry_out(services, asking, command)


@get(
    "/api/v1/stories/{story_id:uuid}/comments",
    opt={"access": "agent+"},
    tags=TAGS,
    summary="List the comments on a story",
    description="The oldest first. Of one whose text was erased the body is `[erased]`.",
    responses=answers(200, "A page of comments", {"data": [COMMENT], "meta": META}),
)
async def list_comments_of_story(
    services: Provided, asking: Asker, story_id: StoryPath, wanted: NamedDependency[PageQuery]
) -> dict[str, Any]:
    page, tenant_id = page_of(wanted), asking.caller.tenant_id
    async with services.reading(tenant_id) as tx:
        if not await STORIES.load(tx, [story_id]):
            raise NotFound("Not found")
        found, total = await list_comments(tx, services.codec, story_id, page.limit, page.offset)
    return page.answer([comment_body(tenant_id, each) for each in found], total)


def comment_body(tenant_id: UUID, recorded: Recorded) -> dict[str, Any]:
    """Raises TypeError for another event."""
    event = recorded.event
    if not isinstance(event, StoryCommented):
        raise TypeError(event)
    return {
        "id": event.comment_id,
        "tenant_id": tenant_id,
        "story_id": recorded.stream.id,
        "body": event.body,
        "author_agent_id": event.agent_id,
        "author_label": actor_of(recorded).label,
        "position": recorded.position,
        "inserted_at": wire_time(recorded.at),
    }


ROUTES: Sequence[HTTPRouteHandler] = (
    comment_on_story,
    list_comments_of_story,
)
