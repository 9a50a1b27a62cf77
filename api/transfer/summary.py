"""What an import answers: counts, what it changed where, and what it could not take."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from msgspec import UNSET, structs

from api.http.ignored import MOST_NAMED
from domain.epic import EpicUpdated
from domain.importing.left_out import not_imported
from domain.importing.plan import Fact, ImportWish, ProjectContents, orphans
from domain.project import Project, ProjectImported, ProjectMerged
from domain.story import StoryUpdated

FIELDS = {
    "epic": ("title", "description", "phase", "position", "metadata"),
    "story": ("title", "description", "acceptance_criteria", "estimated_hours", "metadata"),
}


def import_answer(project: Project, wish: ImportWish, before: ProjectContents, facts: Sequence[Fact]) -> dict[str, Any]:
    """Of the import's own events, whether they were written or only would be."""
    left = list(not_imported(project, wish.payload, before if wish.merge else ProjectContents(), facts, wish.at))
    more = {"not_imported_more": len(left) - MOST_NAMED} if len(left) > MOST_NAMED else {}
    told = {"not_imported": left[:MOST_NAMED], **more} if left else {}
    return {"import": _counts(wish, before, facts), **told}


def _counts(wish: ImportWish, before: ProjectContents, facts: Sequence[Fact]) -> dict[str, Any]:
    match facts[-1][1]:
        case ProjectImported() as event:
            return {
                "epics_created": event.epics_created,
                "stories_created": event.stories_created,
                "dependencies_created": event.dependencies_created,
            }
        case ProjectMerged() as event:
            epics = sum(epic.number in before.epics for epic in wish.payload.epics)
            return {
                "epics_created": event.epics_created,
                "epics_updated": event.epics_updated,
                "epics_unchanged": epics - event.epics_updated,
                "stories_created": event.stories_created,
                "stories_updated": event.stories_updated,
                "stories_unchanged": len(before.whole) - event.stories_updated,
                "updates": list(islice(_updates(before, facts), MOST_NAMED)),
                "stories_orphaned": [
                    {"number": number, "title": title} for number, title in orphans(wish.payload, before)
                ],
                "dependencies_created": event.dependencies_created,
                "dependencies_existing": len(before.story_edges),
            }
        case other:
            raise TypeError(f"an import ended with {other.TAG}")


def _updates(before: ProjectContents, facts: Sequence[Fact]) -> Iterator[dict[str, Any]]:
    """Which members of what become others."""
    epics = {epic.epic_id: number for number, epic in before.epics.items()}
    stories = {story.story_id: number for number, (story, _) in before.whole.items()}
    for stream, event in facts:
        if isinstance(event, EpicUpdated | StoryUpdated):
            number = epics.get(stream.id) or stories.get(stream.id)
            said = structs.asdict(event)
            changed = [name for name in FIELDS[stream.kind] if said[name] is not UNSET]
            yield {stream.kind: number, "fields": changed}
