"""After any edits every read of stories is, byte for byte, what a look at all rows makes, whatever was kept before."""

from collections.abc import Sequence
from itertools import product
from typing import Any, ClassVar
from uuid import UUID

import msgspec
import pytest

from api.lifecycle.schemas import artifact_body, verification_body
from api.pages import Page
from api.stories.rendering import KeptBodies, StoryRenderer
from api.stories.schemas import story_body
from projections.rows.stories import STORIES
from projections.rows.story_texts import STORY_TEXTS
from tests.api.logs import service
from tests.api.test_kept_bodies import NOTHING_KEPT, Careless
from tests.api.test_queue_model import AnyEdits, check
from tests.api.work import Client
from tests.support.database import TestDatabase

STATUSES = (None, "pending", "assigned", "reported_done")
VERIFIED = (None, "unverified", "verified")
PAGES = ((500, 0), (2, 1), (3, 40))
TEXTS = ", ".join(f"t.{name}" for name in STORY_TEXTS.fields if name not in STORIES.fields)


class SameAnswers(AnyEdits):
    """After any edits every read is, byte for byte, what a look at all rows makes."""

    keeping: ClassVar[Any] = KeptBodies
    every: ClassVar[int] = 6

    async def start(self) -> None:
        await super().start()
        self.ann = Client(await self.open.enter_async_context(_kept(self)), self.ann.tenant, self.ann.raw)
        self.plain = await self.open.enter_async_context(_kept(self, NOTHING_KEPT))

    async def compare(self) -> None:
        every = await self.everything()
        for row in every:
            assert (await self.ann.get(f"/stories/{row['story_id']}")).body == await self.whole(row)
        owners = [("project_id", each) for each in self.projects] + [("epic_id", each) for each in self.model.epics]
        for (name, owner), agent, confirmed in product(owners, STATUSES, VERIFIED):
            wanted = {name: UUID(owner), "agent_status": agent, "verified_status": confirmed}
            rows = [row for row in every if all(row[key] == value for key, value in wanted.items() if value)]
            limit, offset = PAGES[(len(every) + len(rows)) % len(PAGES)]
            path = f"/stories?project_id={owner}" if name == "project_id" else f"/epics/{owner}/stories?"
            query = f"&limit={limit}&offset={offset}" + "".join(
                f"&{key}={value}" for key, value in wanted.items() if value and key != name
            )
            most = limit if name == "project_id" else min(limit, 100)
            data = [_body(self.ann.tenant, row) for row in rows[offset : offset + most]]
            assert (await self.ann.get(path + query)).body == msgspec.json.encode(
                Page(most, offset).answer(data, len(rows))
            )
        await self.queues()

    async def queues(self) -> None:
        plain = Client(self.plain, self.ann.tenant, self.ann.raw)
        for queue, query in product(("ready", "blocked"), ("", f"&project_id={self.projects[0]}")):
            for limit, offset in PAGES:
                path = f"/stories/{queue}?limit={limit}&offset={offset}{query}"
                assert (await self.ann.get(path)).body == (await plain.get(path)).body

    async def everything(self) -> Sequence[Any]:
        async with self.ann.service.store.database.tenant_transaction(self.ann.tenant) as tx:
            return await tx.fetch(
                f"SELECT s.*, {TEXTS} FROM app.story AS s"  # noqa: S608  # our own names
                " JOIN app.story_text AS t USING (tenant_id, story_id) WHERE s.tenant_id = $1"
                " ORDER BY s.major, s.minor, s.story_id",
                tx.tenant_id,
            )

    async def whole(self, row: Any) -> bytes:
        tenant, story = self.ann.tenant, row["story_id"]
        async with self.ann.service.store.database.tenant_transaction(tenant) as tx:
            edges = await tx.fetch(
                "SELECT * FROM app.story_dependency WHERE dependent_id = $1 ORDER BY position", story
            )
            artifacts = await tx.fetch("SELECT * FROM app.artifact WHERE story_id = $1 ORDER BY position", story)
            judged = await tx.fetch("SELECT * FROM app.verification WHERE story_id = $1 ORDER BY position", story)
        waits = [{"story_id": story, "depends_on_story_id": edge["prerequisite_id"]} for edge in edges]
        body = {
            **_body(tenant, row),
            "dependencies": waits,
            "artifacts": [artifact_body(tenant, each) for each in artifacts],
            "latest_verification": verification_body(tenant, judged[-1]) if judged else None,
        }
        return msgspec.json.encode({"story": body})


def _body(tenant: UUID, row: Any) -> dict[str, Any]:
    return story_body(tenant, STORIES.from_row(row), STORY_TEXTS.from_row(row))


def _kept(machine: SameAnswers, keeping: Any = None) -> Any:
    return service(machine.database, parts=machine.parts, stories=StoryRenderer(keeping or machine.keeping))


def _machine(database: TestDatabase, keeping: Any) -> type[SameAnswers]:
    given = {"database": database, "parts": {}, "steps": set(), "keeping": staticmethod(keeping)}
    return type("Same", (SameAnswers,), given)


@pytest.mark.slow
def test_after_any_edits_every_read_is_what_a_look_at_all_rows_makes(log_of_module: TestDatabase) -> None:
    machine = _machine(log_of_module, KeptBodies)
    check(machine, 3)
    assert machine.steps >= {"story edge"}, machine.steps


@pytest.mark.slow
def test_without_a_look_at_the_versions_it_is_not(log_of_module: TestDatabase) -> None:
    """The control."""
    with pytest.raises(AssertionError):
        check(_machine(log_of_module, Careless), 3)
