"""What a project holds, for the decision on an import into it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct, structs

from domain.audit_shapes import AUDIT_SHAPES
from domain.dependency import (
    EpicDependencyCreated,
    EpicDependencyDeleted,
    StoryDependencyCreated,
    StoryDependencyDeleted,
)
from domain.epic import EpicCreated, EpicDeleted, EpicUpdated
from domain.event import Recorded
from domain.importing.plan import ProjectContents
from domain.importing.ties import KnownStory
from domain.story import CriterionUpdated, StoryCreated, StoryDeleted, StoryImported, StoryUpdated
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model
from projections.rows.epics import EPICS
from projections.rows.stories import STORIES
from projections.rows.story_texts import STORY_TEXTS

ALL_EPICS = "SELECT * FROM app.epic WHERE tenant_id = $1 AND project_id = $2"

ALL_STORIES = """
    SELECT s.story_id, s.epic_id, s.number, s.title, s.external_source, s.external_id, t.parent
      FROM app.story AS s
      LEFT JOIN app.story_text AS t ON t.tenant_id = $1 AND t.story_id = s.story_id AND t.parent_id IS NOT NULL
     WHERE s.tenant_id = $1 AND s.project_id = $2
"""

STORY_EDGES = "SELECT dependent_id, prerequisite_id FROM app.story_dependency WHERE tenant_id = $1 AND project_id = $2"

EPIC_EDGES = "SELECT dependent_id, prerequisite_id FROM app.epic_dependency WHERE tenant_id = $1 AND project_id = $2"


NEWEST_CHANGE = """
    SELECT max(position)
      FROM app.audit_index
     WHERE tenant_id = $1 AND project_id = $2 AND position > $3 AND (entity_type, action) IN (
           SELECT * FROM unnest($4::text[], $5::text[]))
"""

LOG_SIZE = "SELECT size FROM app.log_head WHERE tenant_id = $1"

CHANGES = [
    AUDIT_SHAPES[event]
    for event in (
        EpicCreated, EpicUpdated, EpicDeleted, StoryCreated, StoryImported, StoryUpdated, CriterionUpdated,
        StoryDeleted, StoryDependencyCreated, StoryDependencyDeleted, EpicDependencyCreated, EpicDependencyDeleted,
    )
]  # fmt: skip
"""What an export shows and an import could take back; not the way of the stories, which no import changes."""


class ImportScope(Struct, frozen=True):
    """A project, and the numbers of the stories that a merge names; None for a fresh import, which needs less. With
    ``since``, whether it has changed after that place in the log."""

    project_id: UUID
    merged: tuple[str, ...] | None
    since: int | None = None


class ImportContents(Model[ImportScope, ProjectContents]):
    """Keys are `ImportScope`. For commands that have a batch to themselves: changes by others are not followed."""

    name = "import_contents"
    volatile = True
    events = ()

    async def load(self, tx: TenantTx, keys: Sequence[ImportScope]) -> Mapping[ImportScope, ProjectContents]:
        return {key: await _contents(tx, key) for key in keys}

    def initial(self, _: ImportScope) -> ProjectContents:
        return ProjectContents()

    def touched(self, _: Recorded) -> Sequence[ImportScope]:
        return ()

    def evolve(self, known: ProjectContents, _: Recorded) -> ProjectContents:
        return known


IMPORT_CONTENTS = ImportContents()


async def _contents(tx: TenantTx, scope: ImportScope) -> ProjectContents:
    epics = [EPICS.from_row(row) for row in await tx.fetch(ALL_EPICS, tx.tenant_id, scope.project_id)]
    rows: list[Any] = await tx.fetch(ALL_STORIES, tx.tenant_id, scope.project_id)
    epic_numbers = {epic.epic_id: epic.number for epic in epics}
    fresh = ProjectContents(
        epics={epic.number: epic for epic in epics},
        stories={
            row["number"]: KnownStory(
                story_id=row["story_id"],
                title=row["title"],
                epic=epic_numbers[row["epic_id"]],
                parent=row["parent"],
                external=(row["external_source"], row["external_id"]) if row["external_id"] else None,
            )
            for row in rows
        },
    )
    if scope.since is not None:
        fresh = structs.replace(
            fresh,
            changed_position=await tx.fetchval(
                NEWEST_CHANGE, tx.tenant_id, scope.project_id, scope.since, [each.entity_type for each in CHANGES],
                [each.action for each in CHANGES],
            ),
            newest_position=await tx.fetchval(LOG_SIZE, tx.tenant_id) - 1,
        )  # fmt: skip
    if scope.merged is None:
        return fresh
    return await _with_the_rest(tx, scope, fresh, epic_numbers)


async def _with_the_rest(
    tx: TenantTx, scope: ImportScope, known: ProjectContents, epic_numbers: Mapping[UUID, int]
) -> ProjectContents:
    """Texts of the stories that are named, and every edge."""
    ids = [known.stories[number].story_id for number in scope.merged or () if number in known.stories]
    stories, texts = await STORIES.load(tx, ids), await STORY_TEXTS.load(tx, ids)
    story_numbers = {story.story_id: number for number, story in known.stories.items()}
    story_edges: list[Any] = await tx.fetch(STORY_EDGES, tx.tenant_id, scope.project_id)
    epic_edges: list[Any] = await tx.fetch(EPIC_EDGES, tx.tenant_id, scope.project_id)
    return structs.replace(
        known,
        whole={story.number: (story, texts[story.story_id]) for story in stories.values()},
        story_edges=frozenset((story_numbers[one], story_numbers[other]) for one, other in story_edges),
        epic_edges=frozenset((epic_numbers[one], epic_numbers[other]) for one, other in epic_edges),
    )
