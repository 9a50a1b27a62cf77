"""Events put straight into a log, by whomever and whenever a test says."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from domain.errors import Rejected
from domain.event import Event, JsonText, Stream
from domain.lifecycle.events import StoryClaimed
from domain.project import ProjectCreated
from domain.story import StoryCreated
from eventstore.log.command import Change, Command, Origin, Reply
from eventstore.log.lane import Store, Writer


async def put(
    store: Store, tenant: UUID, *changes: tuple[Stream, Event], at: datetime, actor: Sequence[str] = ("test",)
) -> int:
    """Position of the last."""
    command = Command(
        origin=Origin(actor=tuple(actor), at=at, refuse=not_refused), needs=(),
        streams=tuple({stream for stream, _ in changes}),
        decide=lambda _: [Change(stream, event) for stream, event in changes], answer=lambda *_: None,
    )  # fmt: skip
    reply = await Writer(store).submit(tenant, command)
    assert reply.position is not None
    return reply.position


def not_refused(refusal: Rejected) -> Reply:
    raise AssertionError(refusal)


def new_project(name: str = "p") -> tuple[Stream, ProjectCreated]:
    id_ = uuid4()
    return Stream("project", id_), ProjectCreated(name=name, slug=f"p-{id_.hex[:8]}", metadata=JsonText("{}"))


def new_story(project: Stream, number: str = "1", **fields: Any) -> tuple[Stream, StoryCreated]:
    return Stream("story", uuid4()), StoryCreated(
        project_id=project.id, epic_id=UUID(int=3), number=number, title="T", acceptance_criteria=JsonText("[]"),
        metadata=JsonText("{}"), **fields,
    )  # fmt: skip


def claimed(story: Stream, project: Stream, agent: UUID) -> tuple[Stream, StoryClaimed]:
    return story, StoryClaimed(
        project_id=project.id, epic_id=UUID(int=3), agent_status_was="contracted", agent_id=agent,
        contracted_by_agent_id=None,
    )  # fmt: skip
