"""Bodies of stories that are kept never show: every answer is what it would be if each were made anew."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from msgspec import Raw, structs

from api.stories.rendering import LARGEST_KEPT_BYTES, KeptBodies, StoryRenderer
from domain.dependency import StoryDependencyCreated, StoryDependencyDeleted
from domain.epic import EpicCreated
from domain.event import Event, JsonText, Stream
from domain.events import EVENTS
from domain.lifecycle.events import ArtifactReported, StoryRejected
from domain.story import StoryUpdated
from eventstore.database.transaction import Database, TenantTx
from eventstore.log.lane import Store
from projections.inline import INLINE, PROJECTIONS
from projections.queries.story_lists import StoryFilter, list_stories, shown_version
from projections.rebuild import rebuild
from projections.rows.stories import STORIES
from tests.api.logs import NOON
from tests.api.work import Client
from tests.eventstore.writing import CODEC, store
from tests.golden.samples import LARGEST_INTEGER, sample
from tests.support.database import TestDatabase, connected, session
from tests.support.events import claimed, new_project, new_story, put

NOTHING_KEPT = partial(KeptBodies, most=0)


class Careless(KeptBodies):
    """Looks at no version."""

    def find(self, tenant_id: UUID, story_id: UUID, _: str) -> Raw | None:
        known = self._kept.get((tenant_id, story_id))
        return known.body if known else None


OF_OTHERS = {
    "tenant", "api_key", "agent", "authenticator", "log", "orchestrator_state", "token_usage_report", "audit",
    "token_budget", "dispatch", "capability", "purpose_key", "webhook", "violator", "projection", "recovery", "payload",
    "ui_test_run", "skill", "skill_version", "skill_import", "skill_result", "article", "article_link", "cost_anomaly",
    "ingestion", "token_data", "metered_usage", "skill_regression", "ci_trust",
}  # fmt: skip
"""Streams whose events no answer about a story shows; what an erasure changes of one is in test_erasure.py."""
BEGINNINGS = {"story.created", "story.imported", "project.created", "epic.created"}
ENDS = {"epic.deleted"}
"""Only after its stories, whose own ends are looked at."""
MOVING = [each for each in EVENTS if each.TAG.partition(".")[0] not in OF_OTHERS and each.TAG not in BEGINNINGS | ENDS]
SHOWN_OF_OTHER_STREAMS = {
    "artifact_report.created", "story_dependency.created", "story_dependency.deleted", "project.updated",
}  # fmt: skip


class Told(msgspec.Struct, frozen=True):
    """A story that has been claimed and rejected, waits for another and has an artifact."""

    tenant: UUID
    project: Stream
    epic: Stream
    story: Stream
    other: Stream
    edge: Stream

    def event(self, kind: type[Event], **more: Any) -> Event:
        """An example of the kind that says everything, of this story; an end that it adds is a new one."""
        made = sample(kind, "most")
        given = {
            "project_id": self.project.id, "epic_id": self.epic.id, "story_id": self.story.id,
            "depends_on_story_id": uuid4(), "acceptance_criteria": JsonText("[]"), "metadata": JsonText("{}"),
            "verification_id": uuid4(), "iteration": 2, "fixes_count": 4, "disproved_count": 3,
            "estimated_hours": "1.5",
        }  # fmt: skip
        given |= {name: 7 for name in made.__struct_fields__ if getattr(made, name) == LARGEST_INTEGER} | given | more
        return structs.replace(made, **{name: each for name, each in given.items() if name in made.__struct_fields__})

    def stream(self, kind: type[Event]) -> Stream:
        name = kind.TAG.partition(".")[0]
        known = {"story": self.story, "project": self.project, "epic": self.epic}
        if kind.TAG == "story_dependency.deleted":
            return self.edge
        return known.get(name) or Stream(name, uuid4())


@pytest.fixture
async def app(log_of_module: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(log_of_module.app_url, role="loopctl_app")
    yield opened
    await opened.close()


@pytest.fixture
def whole(app: Database) -> Store:
    return structs.replace(store(app), projections=INLINE)


@pytest.fixture
async def told(app: Database, whole: Store) -> Told:
    tenant, project, epic = uuid4(), new_project(), Stream("epic", UUID(int=3))
    async with app.tenant_transaction(tenant) as tx:
        await tx.execute("SELECT app.open_log($1)", tenant)
    story, other, third = (new_story(project[0], number) for number in ("1", "2", "3"))
    begun = Told(tenant, project[0], epic, story[0], other[0], Stream("story_dependency", uuid4()))
    dependency = begun.event(StoryDependencyCreated, depends_on_story_id=other[0].id)
    rejected = begun.event(StoryRejected, iteration=1)
    artifact = begun.event(ArtifactReported)
    created = EpicCreated(project_id=project[0].id, number=1, title="e", metadata=JsonText("{}"))
    changes = (project, (epic, created), story, other, third, claimed(story[0], project[0], UUID(int=9)))
    await put(whole, tenant, *changes, (story[0], rejected), (begun.edge, dependency), at=NOON)
    await put(whole, tenant, (Stream("artifact_report", uuid4()), artifact), at=NOON)
    return begun


async def _bodies(app: Database, told: Told, renderer: StoryRenderer) -> tuple[bytes | None, bytes | None]:
    """In a list, and as shown by itself."""
    async with app.tenant_transaction(told.tenant) as tx:
        page = await list_stories(tx.fetch, tx.tenant_id, StoryFilter(project_id=told.project.id), 50, 0)
        listed = await renderer.listed(tx, page.rows)
        shown = await renderer.shown(tx.fetch, app.tenant_transaction, told.tenant, told.story.id)
    one = listed.get(told.story.id)
    return one and bytes(one), shown and bytes(shown)


async def _versions(app: Database, told: Told) -> tuple[str | None, str | None, int | None]:
    """In a list, as shown by itself, and the position of the last event of the story."""
    async with app.tenant_transaction(told.tenant) as tx:
        page = await list_stories(tx.fetch, tx.tenant_id, StoryFilter(project_id=told.project.id), 50, 0)
        found = {row["story_id"]: row["version"] for row in page.rows}
        known = await STORIES.load(tx, [told.story.id])
        position = known[told.story.id].position if known else None
        return found.get(told.story.id), await shown_version(tx.fetch, tx.tenant_id, told.story.id), position


def test_every_event_that_may_show_is_looked_at() -> None:
    """A new kind of stream has to be put on one side."""
    of_stories = {each.TAG.partition(".")[0] for each in EVENTS} - OF_OTHERS
    assert of_stories == {"story", "story_dependency", "epic", "epic_dependency", "project", "artifact_report"}
    assert {each.TAG for each in MOVING} >= SHOWN_OF_OTHER_STREAMS


@pytest.mark.parametrize("kind", MOVING, ids=lambda kind: kind.TAG)
async def test_no_event_leaves_an_old_body_behind(app: Database, whole: Store, told: Told, kind: type[Event]) -> None:
    renderer = StoryRenderer()
    bodies, versions = await _bodies(app, told, renderer), await _versions(app, told)
    position = await put(whole, told.tenant, (told.stream(kind), told.event(kind)), at=NOON)
    now = await _versions(app, told)
    assert await _bodies(app, told, renderer) == await _bodies(app, told, StoryRenderer(NOTHING_KEPT))
    if kind.TAG.startswith("story."):
        assert now[0] != versions[0]
        assert now[1] != versions[1]
        assert now[2] == (None if kind.TAG == "story.deleted" else position)
    if kind.TAG in SHOWN_OF_OTHER_STREAMS:
        assert (now[0], now[2]) == (versions[0], versions[2])
        assert now[1] != versions[1]
        assert (await _bodies(app, told, renderer))[1] != bodies[1]


async def test_a_body_that_nobody_looks_at_again_would_be_seen(app: Database, whole: Store, told: Told) -> None:
    """The control."""
    renderer = StoryRenderer(Careless)
    await _bodies(app, told, renderer)
    await put(whole, told.tenant, (told.story, told.event(StoryUpdated)), at=NOON)
    assert await _bodies(app, told, renderer) != await _bodies(app, told, StoryRenderer(NOTHING_KEPT))


async def test_what_is_read_again_unchanged_is_the_body_that_was_kept(app: Database, told: Told) -> None:
    """The version that is asked for is the one that it was kept with."""
    renderer = StoryRenderer()
    async with app.tenant_transaction(told.tenant) as tx:
        page = await list_stories(tx.fetch, tx.tenant_id, StoryFilter(project_id=told.project.id), 50, 0)
        listed, shown = (
            await renderer.listed(tx, page.rows),
            await renderer.shown(tx.fetch, app.tenant_transaction, told.tenant, told.story.id),
        )
        assert [each is listed[story] for story, each in (await renderer.listed(tx, page.rows)).items()] == [True] * 3
        assert await renderer.shown(tx.fetch, app.tenant_transaction, told.tenant, told.story.id) is shown


async def test_a_dependency_that_was_there_for_a_moment_is_shown_by_nobody_after_it(
    app: Database, whole: Store, told: Told
) -> None:
    """The version is of the same moment as the body, not of one before: it may come back."""
    async with app.tenant_transaction(told.tenant) as tx:
        before = await shown_version(tx.fetch, tx.tenant_id, told.story.id)
    added = Stream("story_dependency", uuid4())
    await put(whole, told.tenant, (added, told.event(StoryDependencyCreated)), at=NOON)
    renderer = StoryRenderer()
    during = await _bodies(app, told, renderer)
    await put(whole, told.tenant, (added, told.event(StoryDependencyDeleted)), at=NOON)
    async with app.tenant_transaction(told.tenant) as tx:
        assert await shown_version(tx.fetch, tx.tenant_id, told.story.id) == before
    after = await _bodies(app, told, renderer)
    assert after != during
    assert after == await _bodies(app, told, StoryRenderer(NOTHING_KEPT))


async def test_a_story_that_changed_after_its_page_was_read_is_left_out(
    app: Database, whole: Store, told: Told
) -> None:
    only = StoryFilter(project_id=told.project.id, agent_status="pending")
    async with app.tenant_transaction(told.tenant) as tx:
        page = await list_stories(tx.fetch, tx.tenant_id, only, 50, 0)
        assert next(row["story_id"] for row in page.rows) == told.other.id
        await put(whole, told.tenant, claimed(told.other, told.project, UUID(int=9)), at=NOON)
        assert told.other.id not in await StoryRenderer().listed(tx, page.rows, only)
        assert len(await StoryRenderer().listed(tx, page.rows)) == page.total == 2


@pytest.mark.parametrize(
    ("projection", "forging"),
    [
        ("work_breakdown", "UPDATE app.story SET title = 'forged'"),
        ("work_breakdown", "UPDATE app.story SET agent_status = 'contracted'"),
        ("custody_records", "UPDATE app.artifact SET path = 'forged'"),
        ("custody_records", "UPDATE app.verification SET summary = 'forged'"),
        ("custody_records", "DELETE FROM app.artifact"),
    ],
)
async def test_a_row_changed_by_hand_shows_and_a_rebuild_shows_as_well(
    log_of_module: TestDatabase, app: Database, told: Told, projection: str, forging: str
) -> None:
    renderer = StoryRenderer()
    right = await _bodies(app, told, renderer)
    async with session(log_of_module.admin_url) as connection:
        await connection.execute(f"{forging} WHERE tenant_id = '{told.tenant}'")
    forged = await _bodies(app, told, renderer)
    assert forged != right
    await _rebuilt(log_of_module, told.tenant, projection)
    assert await _bodies(app, told, renderer) == right


@pytest.mark.parametrize(
    ("projection", "forging"),
    [
        ("work_breakdown", "UPDATE app.story_text SET description = 'forged'"),
        ("work_breakdown", "DELETE FROM app.story_dependency"),
        ("custody_records", "DELETE FROM app.artifact"),
    ],
)
async def test_a_body_made_of_a_forged_row_goes_with_the_rebuild(
    log_of_module: TestDatabase, app: Database, told: Told, projection: str, forging: str
) -> None:
    right = await _bodies(app, told, StoryRenderer())
    async with session(log_of_module.admin_url) as connection:
        await connection.execute(f"{forging} WHERE tenant_id = '{told.tenant}'")
    renderer = StoryRenderer()
    assert await _bodies(app, told, renderer) != right
    await _rebuilt(log_of_module, told.tenant, projection)
    assert await _bodies(app, told, renderer) == right


async def _rebuilt(database: TestDatabase, tenant: UUID, name: str) -> None:
    async with session(database.migrator_url) as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE loopctl_owner")
        await connection.execute("SELECT set_config('app.tenant', $1, true)", str(tenant))
        tx = TenantTx(connection, tenant)  # type: ignore[arg-type]  # a plain connection does as well
        (projection,) = (each for each in PROJECTIONS if each.name == name)
        assert not all(each.was_equal for each in await rebuild(tx, CODEC, projection))


async def test_a_kept_story_is_not_there_for_another_tenant_nor_after_its_end(ann: Client, bob: Client) -> None:
    epic = await ann.epic(await ann.project())
    story = await ann.story(epic)
    for _ in range(2):
        assert (await ann.get(f"/stories/{story}")).status == 200
        assert (await bob.get(f"/stories/{story}")).status == 404
    assert (await ann.delete(f"/stories/{story}")).status == 204
    assert (await ann.get(f"/stories/{story}")).status == 404
    assert (await ann.get(f"/epics/{epic}/stories")).json()["data"] == []


def test_what_is_kept_is_bounded_in_number_and_in_bytes() -> None:
    tenant, stories = uuid4(), [uuid4() for _ in range(50)]
    few, small = KeptBodies(most=10), KeptBodies(most_bytes=1000)
    for story in stories * 2:
        few.keep(tenant, story, "1", b"x")
        small.keep(tenant, story, "1", b"x" * 99)
    assert [story for story in stories if few.find(tenant, story, "1")] == stories[-10:]
    assert (len(few), few.bytes) == (10, 10)
    assert (len(small), small.bytes) == (10, 990)


def test_a_story_has_one_body_and_of_another_version_or_tenant_none() -> None:
    kept, tenant, story = KeptBodies(), uuid4(), uuid4()
    kept.keep(tenant, story, "1", b"one")
    kept.keep(tenant, story, "2", b"other")
    assert (len(kept), kept.bytes) == (1, 5)
    assert kept.find(tenant, story, "2") == Raw(b"other")
    assert kept.find(tenant, story, "1") is None
    assert kept.find(uuid4(), story, "2") is None


def test_a_body_too_long_to_be_kept_is_returned_all_the_same_and_the_old_one_goes() -> None:
    kept, tenant, story = KeptBodies(), uuid4(), uuid4()
    kept.keep(tenant, story, "1", b"one")
    long = b"x" * (LARGEST_KEPT_BYTES + 1)
    assert kept.keep(tenant, story, "2", long) == Raw(long)
    assert (len(kept), kept.bytes) == (0, 0)
