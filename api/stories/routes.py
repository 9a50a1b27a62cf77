"""Changes of what a story says: create, change, delete. Its way to verified is in the lifecycle routes."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Response, delete, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Struct

from api.commands import carry_out, carry_out_removal, no_body, origin
from api.documentation.responses import answers, answers_nothing
from api.epics.routes import epic_number
from api.epics.schemas import whole_number
from api.http.asking import Asker, Asking
from api.paths import EpicPath, ProjectPath, StoryPath
from api.projects.routes import RETRYABLE, project_id_of
from api.services import Provided, Services
from api.stories.examples import STORY
from api.stories.schemas import CreateStoryBody, CreateStoryInEpicBody, UpdateStoryBody, story_body
from domain.deletion import delete_story
from domain.errors import Invalid
from domain.event import Recorded, Stream
from domain.fields import BLANK
from domain.numbering import parse_story_number
from domain.story import NO_TIES, Place, create_story, update_story
from domain.story_details import Ties
from eventstore.log.command import Change, Command, Known, Need, existing
from projections.facts.contents import CONTENTS
from projections.facts.taken import STORY_NUMBER
from projections.rows.epics import EPICS, find_epic
from projections.rows.projects import PROJECTS
from projections.rows.stories import STORIES
from projections.rows.story_texts import STORY_TEXTS

TAGS = ["Stories"]

Decide = Callable[[Known], Sequence[Change]]


@post(
    "/api/v1/epics/{epic_id:uuid}/stories",
    opt={"access": "orchestrator+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Create a story in an epic",
    description="The number, major or major.minor, is unique in the project and never changes.",
    status_code=201,
    responses=answers(201, "The story", {"story": STORY}),
)
async def create_story_of_epic(
    services: Provided, asking: Asker, epic_id: EpicPath, data: JSONBody[CreateStoryBody]
) -> Response[bytes]:
    # Where an epic belongs never changes; of one that is gone the decision says so, or repeats its first answer.
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await find_epic(tx, epic_id)
    creation = Creation(services.new_id(), found.project_id if found else epic_id, data)
    epic = EPICS.need(epic_id)

    def decide(known: Known) -> Sequence[Change]:
        existing(known, epic)
        return creation.changes(known, epic_id)

    return await carry_out(services, asking, creation.command(services, asking, decide, (epic,)))


@post(
    "/api/v1/projects/{project:str}/stories",
    opt={"access": "orchestrator+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Create a story in a project",
    description="As in an epic, which epic_number names here.",
    status_code=201,
    responses=answers(201, "The story", {"story": STORY}),
)
async def create_story_of_project(
    services: Provided, asking: Asker, project: ProjectPath, data: JSONBody[CreateStoryInEpicBody]
) -> Response[bytes]:
    project_id = await project_id_of(services, asking, project)
    creation, of_project = Creation(services.new_id(), project_id, data), PROJECTS.need(project_id)
    number = whole_number(data.epic_number)
    epic = epic_number(project_id, number)

    def decide(known: Known) -> Sequence[Change]:
        existing(known, of_project)
        if number is None:
            raise Invalid(epic_number=BLANK)
        epic_id = known[epic] if epic else None
        if epic_id is None:
            raise Invalid(epic_number="does not exist")
        return creation.changes(known, epic_id)

    needs = (of_project, epic) if epic else (of_project,)
    return await carry_out(services, asking, creation.command(services, asking, decide, needs))


class Creation(Struct, frozen=True):
    """A story to be made, wherever its epic is known from."""

    story_id: UUID
    project_id: UUID
    body: CreateStoryBody

    @property
    def stream(self) -> Stream:
        return Stream("story", self.story_id)

    @property
    def number(self) -> Need[UUID | None]:
        """By the normalised number; the decision rejects invalid ones."""
        number = parse_story_number(self.body.number or "")
        return STORY_NUMBER.need((self.project_id, number.text if number else ""))

    @property
    def ties(self) -> Sequence[Need[Ties]]:
        need = self.body.ties(self.project_id)
        return (need,) if need else ()

    def changes(self, known: Known, epic_id: UUID) -> Sequence[Change]:
        place = Place(
            project_id=self.project_id, epic_id=epic_id, number=self.body.number or "",
            number_taken=known[self.number] is not None, ties=next((known[need] for need in self.ties), NO_TIES),
        )  # fmt: skip
        return [Change(self.stream, create_story(place, self.body.fields()))]

    def command(self, services: Services, asking: Asking, decide: Decide, needs: Sequence[Need[Any]]) -> Command:
        story, text = STORIES.need(self.story_id), STORY_TEXTS.need(self.story_id)
        return Command(
            origin=origin(services, asking),
            decide=decide, answer=partial(_answer, asking, self.story_id),
            needs=(story, text, self.number, *self.ties, *needs),
            streams=(self.stream,), status=201, alone=bool(self.ties),
        )  # fmt: skip


@patch(
    "/api/v1/stories/{story_id:uuid}",
    opt={"access": "orchestrator+", "errors": RETRYABLE},
    tags=TAGS,
    summary="Change a story",
    description="Its texts, estimate, priority, labels and where it is from, in every status. Another title or other "
    "criteria after the contract are a new revision: a story that is only contracted goes back to pending.",
    responses=answers(200, "The story", {"story": STORY}),
)
async def update_story_by_id(
    services: Provided, asking: Asker, story_id: StoryPath, data: JSONBody[UpdateStoryBody]
) -> Response[bytes]:
    stream, fields = Stream("story", story_id), data.fields()
    story, text = STORIES.need(story_id), STORY_TEXTS.need(story_id)
    ties = await _ties(services, asking, story_id, data)

    def decide(known: Known) -> Sequence[Change]:
        found = known[ties] if ties else NO_TIES
        events = update_story(existing(known, story), existing(known, text), fields, found)
        return [Change(stream, event) for event in events]

    command = Command(
        origin=origin(services, asking),
        decide=decide, answer=partial(_answer, asking, story_id), streams=(stream,),
        needs=(story, text, ties) if ties else (story, text), alone=ties is not None,
    )  # fmt: skip
    return await carry_out(services, asking, command)


async def _ties(services: Services, asking: Asking, story_id: UUID, body: UpdateStoryBody) -> Need[Ties] | None:
    """Which project a story is in never changes; of one that is gone the decision says so."""
    if body.ties(story_id) is None:
        return None
    async with services.reading(asking.caller.tenant_id) as tx:
        found = await STORIES.load(tx, [story_id])
    return body.ties(found[story_id].project_id if found else story_id)


@delete(
    "/api/v1/stories/{story_id:uuid}",
    opt={"access": "user+", "fresh": True, "errors": RETRYABLE},
    tags=TAGS,
    summary="Delete a story",
    description="With every dependency of it, in every status. The log keeps all of it.",
    responses=answers_nothing(204, "It is gone"),
)
async def delete_story_by_id(services: Provided, asking: Asker, story_id: StoryPath) -> Response[None]:
    need, contents = STORIES.need(story_id), CONTENTS.need(("story", story_id))

    def decide(known: Known) -> Sequence[Change]:
        return [Change(*each) for each in delete_story(existing(known, need), known[contents])]

    def streams(known: Known) -> Sequence[Stream]:
        return [stream for stream, _ in delete_story(story, known[contents])] if (story := known[need]) else ()

    command = Command(
        origin=origin(services, asking),
        decide=decide, answer=no_body, needs=(need, contents), streams=streams, status=204, alone=True
    )  # fmt: skip
    return await carry_out_removal(services, asking, command)


def _answer(asking: Asking, story_id: UUID, known: Known, _: Sequence[Recorded]) -> dict[str, Any]:
    story, text = existing(known, STORIES.need(story_id)), existing(known, STORY_TEXTS.need(story_id))
    return {"story": story_body(asking.caller.tenant_id, story, text)}


ROUTES: Sequence[HTTPRouteHandler] = (
    create_story_of_epic,
    create_story_of_project,
    update_story_by_id,
    delete_story_by_id,
)
