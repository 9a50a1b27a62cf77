"""A story as it was at a position of the log."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
import pytest

from domain.event import Stream
from domain.lifecycle.events import StoryStarted
from domain.story import StoryDeleted, StoryUpdated
from eventstore.database.transaction import Database
from projections.inline import INLINE
from projections.queries.story_at import story_at
from projections.rows.stories import STORIES
from projections.rows.story_texts import STORY_TEXTS
from tests.eventstore.writing import CODEC, store
from tests.support.database import TestDatabase, connected
from tests.support.events import claimed, new_project, new_story, put

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
AGENT = UUID(int=9)
EPIC = UUID(int=3)


@pytest.fixture
async def app(database: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(database.app_url, role="loopctl_app")
    yield opened
    await opened.close()


@pytest.fixture
async def story(app: Database) -> tuple[UUID, Stream]:
    """Created at 1, another at 2, claimed at 3, started at 4, renamed at 5, deleted at 6."""
    tenant = uuid4()
    whole = msgspec.structs.replace(store(app), projections=INLINE)
    async with app.tenant_transaction(tenant) as tx:
        await tx.execute("SELECT app.open_log($1)", tenant)
    project = new_project()
    story = new_story(project[0])
    of = {"project_id": project[0].id, "epic_id": EPIC}
    await put(whole, tenant, project, story, new_story(project[0], "2"), at=NOON)
    await put(whole, tenant, claimed(story[0], project[0], AGENT), at=NOON)
    await put(whole, tenant, (story[0], StoryStarted(**of, agent_status_was="assigned", agent_id=AGENT)), at=NOON)
    renamed = StoryUpdated(project_id=project[0].id, title_was="T", description_was=None, title="U", description="new")
    await put(whole, tenant, (story[0], renamed), at=NOON)
    async with app.tenant_transaction(tenant) as tx:
        live = (await STORIES.load(tx, [story[0].id]))[story[0].id]
        text = (await STORY_TEXTS.load(tx, [story[0].id]))[story[0].id]
        found = await story_at(tx, CODEC, story[0].id, 5)
    assert found == (msgspec.structs.replace(live, implementer_lineage=()), text), "the newest is what is stored"
    await put(whole, tenant, (story[0], StoryDeleted(**of, number="1", title="U")), at=NOON)
    return tenant, story[0]


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (0, None),
        (1, ("pending", "T", None)),
        (2, ("pending", "T", None)),
        (3, ("assigned", "T", None)),
        (4, ("implementing", "T", None)),
        (5, ("implementing", "U", "new")),
        (6, None),
        (99, None),
    ],
)
async def test_a_story_is_what_its_entries_had_made_of_it_by_then(
    app: Database, story: tuple[UUID, Stream], position: int, expected: object
) -> None:
    tenant, stream = story
    async with app.tenant_transaction(tenant) as tx:
        found = await story_at(tx, CODEC, stream.id, position)
    assert (found and (found[0].agent_status, found[0].title, found[1].description)) == expected


async def test_another_tenants_story_was_never_there(app: Database, story: tuple[UUID, Stream]) -> None:
    async with app.tenant_transaction(uuid4()) as tx:
        assert await story_at(tx, CODEC, story[1].id, 5) is None
