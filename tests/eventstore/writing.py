"""A small tenant whose projects the tests of the log create."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from domain.errors import Rejected
from domain.event import Recorded, Stream
from domain.events import EVENTS, UPCASTERS
from domain.project import CreateProject, ProjectFields, create_project
from eventstore.database.transaction import Database
from eventstore.log.codec import Codec
from eventstore.log.command import Change, Command, IdempotencyKey, Known, Origin, Reply
from eventstore.log.lane import Store
from projections.facts.taken import ACTIVE_PROJECTS, PROJECT_SLUG
from projections.rows.projects import PROJECTS

CODEC = Codec(EVENTS, UPCASTERS)
NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
SOMEBODY = UUID(int=7)
ACTIVE = ACTIVE_PROJECTS.need(None)


def store(database: Database) -> Store:
    return Store(
        database=database,
        codec=CODEC,
        models={model.name: model for model in (PROJECT_SLUG, ACTIVE_PROJECTS)},
        projections=[PROJECTS.apply],
        now=lambda: NOON,
        committed=nobody_follows,
    )


def nobody_follows(_: UUID, __: int) -> None:
    """After a commit."""


def new_project(slug: str, key: str | None = None, *, caller: UUID = SOMEBODY, most: int = 10**9) -> Command:
    stream = Stream("project", uuid4())
    taken = PROJECT_SLUG.need(slug)
    wish = CreateProject(slug=slug, fields=ProjectFields(name=slug), most_projects=most)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, event) for event in create_project(known[taken] is not None, known[ACTIVE], wish)]

    used = IdempotencyKey(caller, key, hashlib.sha256(slug.encode()).digest()) if key else None
    return Command(
        origin=Origin(actor=("test",), at=NOON, refuse=refused, idempotency=used), needs=(taken, ACTIVE),
        streams=(stream,), decide=decide, answer=created, status=201,
    )  # fmt: skip


def changing(change: Change) -> Command:
    """This one event, whatever was before."""
    return Command(
        origin=Origin(actor=("test",), at=NOON, refuse=refused, idempotency=None), needs=(),
        streams=(change.stream,), decide=lambda _: [change], answer=created, status=200,
    )  # fmt: skip


def created(_: Known, recorded: Sequence[Recorded]) -> Any:
    return msgspec.Raw(str(recorded[0].stream.id).encode())


def refused(refusal: Rejected) -> Reply:
    return Reply(422, refusal.code.encode())
