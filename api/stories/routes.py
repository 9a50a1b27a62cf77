"""Changes of what a story says: create, change, delete. Its way to verified is in the lifecycle routes."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Response, delete, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Struct

from api.commands import Commands, Decide, Known, Plan, existing
from api.documentation.responses import answers, answers_nothing
from api.epics.routes import answers_none, epic_number
from api.epics.schemas import whole_number
from api.http.asking import Asker, Asking
from api.paths import EpicPath, ProjectPath, StoryPath
from api.projects.routes import RETRYABLE, project_id_of
from api.services import Services
from api.stories.examples import STORY
from api.stories.schemas import CreateStoryBody, CreateStoryInEpicBody, UpdateStoryBody, story_body
from domain.deletion import delete_story
from domain.errors import Invalid
from domain.event import Recorded, Stream
from domain.fields import BLANK
from domain.numbering import parse_story_number
from domain.story import Place, create_story, update_story
from eventstore.log.command import Change, Need
from projections.rows.epics import find_epic

TAGS = ["Stories"]


def story_routes(services: Services) -> Sequence[HTTPRouteHandler]:
    return [_create_in_epic(services), _create_in_project(services), _update(services), _delete(services)]


def _create_in_epic(services: Services) -> HTTPRouteHandler:
    commands = Commands(services)

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
        asking: Asker, epic_id: EpicPath, data: JSONBody[CreateStoryBody]
    ) -> Response[bytes]:
        # Where an epic belongs never changes; of one that is gone the decision says so, or repeats its first answer.
        async with services.reading(asking.caller.tenant_id) as tx:
            found = await find_epic(tx, epic_id)
        creation, epic = (
            Creation(services.new_id(), found.project_id if found else epic_id, data),
            Need("epic", epic_id),
        )

        def decide(known: Known) -> Sequence[Change]:
            existing(known, epic)
            return creation.changes(known, epic_id)

        return await commands.carry_out(asking, creation.plan(asking, decide, epic))

    return create_story_of_epic


def _create_in_project(services: Services) -> HTTPRouteHandler:
    commands = Commands(services)

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
        asking: Asker, project: ProjectPath, data: JSONBody[CreateStoryInEpicBody]
    ) -> Response[bytes]:
        project_id = await project_id_of(services, asking, project)
        creation, of_project = Creation(services.new_id(), project_id, data), Need("project", project_id)
        number = whole_number(data.epic_number)
        epic = epic_number(project_id, number)

        def decide(known: Known) -> Sequence[Change]:
            existing(known, of_project)
            if number is None:
                raise Invalid(epic_number=BLANK)
            if epic is None or known[epic] is None:
                raise Invalid(epic_number="does not exist")
            return creation.changes(known, known[epic])

        needs = (of_project, epic) if epic else (of_project,)
        return await commands.carry_out(asking, creation.plan(asking, decide, *needs))

    return create_story_of_project


class Creation(Struct, frozen=True):
    """A story to be made, wherever its epic is known from."""

    story_id: UUID
    project_id: UUID
    body: CreateStoryBody

    @property
    def stream(self) -> Stream:
        return Stream("story", self.story_id)

    @property
    def number(self) -> Need:
        """Asked for as it would be kept; of one that cannot be kept the decision says so."""
        number = parse_story_number(self.body.number or "")
        return Need("story_number", (self.project_id, number.text if number else ""))

    def changes(self, known: Known, epic_id: UUID) -> Sequence[Change]:
        place = Place(
            project_id=self.project_id, epic_id=epic_id, number=self.body.number or "",
            number_taken=known[self.number] is not None,
        )  # fmt: skip
        return [Change(self.stream, create_story(place, self.body.fields()))]

    def plan(self, asking: Asking, decide: Decide, *needs: Need) -> Plan:
        story, text = Need("story", self.story_id), Need("story_text", self.story_id)
        return Plan(
            decide=decide, answer=partial(_answer, asking, self.story_id), needs=(story, text, self.number, *needs),
            streams=(self.stream,), status=201,
        )  # fmt: skip


def _update(services: Services) -> HTTPRouteHandler:
    commands = Commands(services)

    @patch(
        "/api/v1/stories/{story_id:uuid}",
        opt={"access": "orchestrator+", "errors": RETRYABLE},
        tags=TAGS,
        summary="Change a story",
        description="Its texts and estimate, in every status. Another title or other criteria after the contract are a "
        "new revision: a story that is only contracted goes back to pending.",
        responses=answers(200, "The story", {"story": STORY}),
    )
    async def update_story_by_id(
        asking: Asker, story_id: StoryPath, data: JSONBody[UpdateStoryBody]
    ) -> Response[bytes]:
        stream, fields = Stream("story", story_id), data.fields()
        story, text = Need("story", story_id), Need("story_text", story_id)

        def decide(known: Known) -> Sequence[Change]:
            events = update_story(existing(known, story), existing(known, text), fields)
            return [Change(stream, event) for event in events]

        plan = Plan(
            decide=decide, answer=partial(_answer, asking, story_id), needs=(story, text), streams=(stream,)
        )  # fmt: skip
        return await commands.carry_out(asking, plan)

    return update_story_by_id


def _delete(services: Services) -> HTTPRouteHandler:
    commands = Commands(services)

    @delete(
        "/api/v1/stories/{story_id:uuid}",
        opt={"access": "user+", "errors": RETRYABLE},
        tags=TAGS,
        summary="Delete a story",
        description="With every dependency of it, in every status. The log keeps all of it.",
        responses=answers_nothing(204, "It is gone"),
    )
    async def delete_story_by_id(asking: Asker, story_id: StoryPath) -> Response[None]:
        need, contents = Need("story", story_id), Need("contents", ("story", story_id))

        def decide(known: Known) -> Sequence[Change]:
            return [Change(*each) for each in delete_story(existing(known, need), known[contents])]

        def streams(known: Known) -> Sequence[Stream]:
            return [stream for stream, _ in delete_story(known[need], known[contents])] if known[need] else ()

        plan = Plan(
            decide=decide, answer=answers_none, needs=(need, contents), streams=streams, status=204, alone=True
        )  # fmt: skip
        return await commands.carry_out_removal(asking, plan)

    return delete_story_by_id


def _answer(asking: Asking, story_id: UUID, known: Known, _: Sequence[Recorded]) -> dict[str, Any]:
    story, text = known[Need("story", story_id)], known[Need("story_text", story_id)]
    return {"story": story_body(asking.caller.tenant_id, story, text)}
