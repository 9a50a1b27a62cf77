"""Projects, epics, stories, dependencies, progress and queue, in the order in which each needs the ones before it."""

from collections.abc import Sequence

from domain.event import Recorded
from eventstore.database.transaction import TenantTx
from projections.rows import epic_progress, work_queue
from projections.rows.epics import EPICS
from projections.rows.projects import PROJECTS
from projections.rows.stories import STORIES
from projections.rows.story_dependencies import EPIC_DEPENDENCIES, STORY_DEPENDENCIES
from projections.rows.story_texts import STORY_TEXTS

TABLES = (
    "app.project", "app.epic", "app.epic_progress", "app.story", "app.story_text", "app.story_dependency",
    "app.epic_dependency", "app.work_queue",
)  # fmt: skip


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    await PROJECTS.apply(tx, recorded)
    await EPICS.apply(tx, recorded)
    stories = await STORIES.apply(tx, recorded)
    await STORY_TEXTS.apply(tx, recorded)
    story_edges = await STORY_DEPENDENCIES.apply(tx, recorded)
    epic_edges = await EPIC_DEPENDENCIES.apply(tx, recorded)
    crossings = await epic_progress.apply(tx, recorded, stories)
    await work_queue.apply(tx, stories)
    await work_queue.recount(tx, stories, crossings, story_edges, epic_edges)
