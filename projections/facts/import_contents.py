"""What a project holds, for the decision on an import into it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.event import Recorded
from domain.importing.plan import Contents, KnownStory
from eventstore.database.transaction import TenantTx
from projections.rows.epics import EPICS
from projections.rows.stories import STORIES
from projections.rows.story_texts import STORY_TEXTS

ALL_EPICS = "SELECT * FROM app.epic WHERE tenant_id = $1 AND project_id = $2"

ALL_STORIES = "SELECT story_id, epic_id, number, title FROM app.story WHERE tenant_id = $1 AND project_id = $2"

STORY_EDGES = "SELECT dependent_id, prerequisite_id FROM app.story_dependency WHERE tenant_id = $1 AND project_id = $2"

EPIC_EDGES = "SELECT dependent_id, prerequisite_id FROM app.epic_dependency WHERE tenant_id = $1 AND project_id = $2"


class Asked(Struct, frozen=True):
    """A project, and the numbers of the stories that a merge names; None for a fresh import, which needs less."""

    project_id: UUID
    merged: tuple[str, ...] | None


class ImportContents:
    """Keys are `Asked`. For commands that are alone: what others change is not seen."""

    name = "import_contents"
    volatile = True
    events = ()

    async def load(self, tx: TenantTx, keys: Sequence[Any]) -> Mapping[Any, Contents]:
        return {key: await _contents(tx, key) for key in keys}

    def initial(self, _: Any) -> Contents:
        return Contents()

    def touched(self, _: Recorded) -> Sequence[Any]:
        return ()

    def evolve(self, known: Contents, _: Recorded) -> Contents:
        return known


async def _contents(tx: TenantTx, asked: Asked) -> Contents:
    epics = [EPICS.from_row(row) for row in await tx.fetch(ALL_EPICS, tx.tenant_id, asked.project_id)]
    rows: list[Any] = await tx.fetch(ALL_STORIES, tx.tenant_id, asked.project_id)
    epic_numbers = {epic.epic_id: epic.number for epic in epics}
    fresh = Contents(
        epics={epic.number: epic for epic in epics},
        stories={
            row["number"]: KnownStory(story_id=row["story_id"], title=row["title"], epic=epic_numbers[row["epic_id"]])
            for row in rows
        },
    )
    if asked.merged is None:
        return fresh
    return await _with_the_rest(tx, asked, fresh, epic_numbers)


async def _with_the_rest(tx: TenantTx, asked: Asked, known: Contents, epic_numbers: Mapping[UUID, int]) -> Contents:
    """Texts of the stories that are named, and every edge."""
    ids = [known.stories[number].story_id for number in asked.merged or () if number in known.stories]
    stories, texts = await STORIES.load(tx, ids), await STORY_TEXTS.load(tx, ids)
    story_numbers = {story.story_id: number for number, story in known.stories.items()}
    story_edges: list[Any] = await tx.fetch(STORY_EDGES, tx.tenant_id, asked.project_id)
    epic_edges: list[Any] = await tx.fetch(EPIC_EDGES, tx.tenant_id, asked.project_id)
    return Contents(
        epics=known.epics,
        stories=known.stories,
        whole={story.number: (story, texts[story.story_id]) for story in stories.values()},
        story_edges=frozenset((story_numbers[one], story_numbers[other]) for one, other in story_edges),
        epic_edges=frozenset((epic_numbers[one], epic_numbers[other]) for one, other in epic_edges),
    )
