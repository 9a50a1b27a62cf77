"""What would be deleted together with a story or an epic, for the decision to delete it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from domain.deletion import Child, Contents
from domain.dependency import Dependency
from domain.event import Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model
from projections.rows.stories import STORIES
from projections.rows.story_dependencies import EPIC_DEPENDENCIES, STORY_DEPENDENCIES

Kind = Literal["story", "epic"]

STORIES_OF_EPIC = """
    SELECT * FROM app.story WHERE tenant_id = $1 AND epic_id = $2 ORDER BY major, minor, story_id
"""

EDGES_OF_STORIES = """
    SELECT d.*
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT * FROM app.story_dependency AS o WHERE o.tenant_id = $1 AND o.dependent_id = asked.id
            UNION ALL
           SELECT * FROM app.story_dependency AS i WHERE i.tenant_id = $1 AND i.prerequisite_id = asked.id
     ) AS d
     ORDER BY d.position, d.dependency_id
"""

EDGES_OF_EPIC = """
    SELECT *
      FROM app.epic_dependency
     WHERE tenant_id = $1 AND (dependent_id = $2 OR prerequisite_id = $2)
     ORDER BY position, dependency_id
"""


CHILDREN = """
    SELECT s.story_id, s.project_id, s.title, t.description
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT * FROM app.story_text AS o WHERE o.tenant_id = $1 AND o.parent_id = asked.id
     ) AS t
      JOIN app.story AS s ON s.tenant_id = $1 AND s.story_id = t.story_id
     WHERE s.story_id <> ALL ($2::uuid[])
     ORDER BY s.major, s.minor, s.story_id
"""


class ContentsModel(Model[tuple[Kind, UUID], Contents]):
    """Keys are (kind, id), ``kind`` being ``story`` or ``epic``. For commands that have a batch to themselves."""

    name = "contents"
    volatile = True
    events = ()

    async def load(self, tx: TenantTx, keys: Sequence[tuple[Kind, UUID]]) -> Mapping[tuple[Kind, UUID], Contents]:
        return {(kind, id_): await (_of_epic if kind == "epic" else _of_story)(tx, id_) for kind, id_ in keys}

    def initial(self, _: tuple[Kind, UUID]) -> Contents:
        return Contents()

    def touched(self, _: Recorded) -> Sequence[tuple[Kind, UUID]]:
        return ()

    def evolve(self, known: Any, _: Recorded) -> Any:
        return known


CONTENTS = ContentsModel()


async def _of_story(tx: TenantTx, story_id: UUID) -> Contents:
    return Contents(story_dependencies=await _edges_of(tx, [story_id]), children=await _children_of(tx, [story_id]))


async def _of_epic(tx: TenantTx, epic_id: UUID) -> Contents:
    stories = [STORIES.from_row(row) for row in await tx.fetch(STORIES_OF_EPIC, tx.tenant_id, epic_id)]
    ids = [story.story_id for story in stories]
    edges = await tx.fetch(EDGES_OF_EPIC, tx.tenant_id, epic_id)
    return Contents(
        stories=stories,
        story_dependencies=await _edges_of(tx, ids),
        epic_dependencies=[EPIC_DEPENDENCIES.from_row(row) for row in edges],
        children=await _children_of(tx, ids),
    )


async def _children_of(tx: TenantTx, stories: Sequence[UUID]) -> Sequence[Child]:
    """Those that are not among the stories themselves."""
    rows = await tx.fetch(CHILDREN, tx.tenant_id, stories)
    return [Child(row["story_id"], row["project_id"], row["title"], row["description"]) for row in rows]


async def _edges_of(tx: TenantTx, stories: Sequence[UUID]) -> Sequence[Dependency]:
    """Each once, also when both ends are among the stories."""
    rows = await tx.fetch(EDGES_OF_STORIES, tx.tenant_id, stories)
    return list({row["dependency_id"]: STORY_DEPENDENCIES.from_row(row) for row in rows}.values())
