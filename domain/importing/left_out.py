"""What an import says and the project does not have afterwards: values that are known and that no import may set.

Of an export that is imported somewhere else: what it says of the project itself, who had a story when, work that was
under way, and rejections.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import structs

from domain.event import Event, Stream
from domain.importing.fields import AGENT_FIELDS, VERIFIED_FIELDS
from domain.importing.payload import Payload, StoryItem
from domain.importing.plan import ProjectContents
from domain.importing.ties import KnownStory
from domain.project import Project
from domain.story import Story, StoryCreated, StoryImported, StoryText, StoryUpdated

OF_PROJECT = ("name", "slug", "description", "repo_url", "tech_stack", "status", "mission", "metadata")
TIMES = ("assigned_at", "reported_done_at", "verified_at", "rejected_at")
OTHERS = ("assigned_agent_id", "rejection_reason")


def not_imported(
    project: Project, payload: Payload, there: ProjectContents, facts: Sequence[tuple[Stream, Event]], at: datetime
) -> Iterator[str]:
    """Paths, in the order of the payload. A merge compares with what is there: what is the same is not named."""
    yield from _of_project(project, payload.given.project or {})
    after = {number: _of_known(*known) for number, known in there.whole.items()}
    after |= {event.number: _of_new(event, at) for _, event in facts if isinstance(event, StoryCreated)}
    numbers = {known[0].story_id: number for number, known in there.whole.items()}
    for stream, event in facts:
        if isinstance(event, StoryUpdated) and isinstance(event.metadata, str):
            after[numbers[stream.id]]["metadata"] = event.metadata
    for epic in payload.epics:
        for item in epic.stories:
            yield from _of_story(item, epic.number, there.stories.get(item.number), after[item.number])


def _of_project(project: Project, given: Mapping[str, Any]) -> Iterator[str]:
    now = {**structs.asdict(project), "metadata": msgspec.json.decode(project.metadata)}
    return (f"project.{name}" for name in OF_PROJECT if given.get(name) is not None and given[name] != now[name])


def _of_known(story: Story, text: StoryText) -> dict[str, Any]:
    said = {name: getattr(story, name) for name in ("agent_status", "verified_status", *TIMES, *OTHERS)}
    return {**said, "metadata": text.metadata}


def _of_new(event: StoryCreated, at: datetime) -> dict[str, Any]:
    said: dict[str, Any] = {"agent_status": "pending", "verified_status": "unverified", "metadata": event.metadata}
    if isinstance(event, StoryImported):
        said |= {"agent_status": event.agent_status, "verified_status": event.verified_status}
        said["reported_done_at"] = at if event.agent_status == "reported_done" else None
        said["verified_at"] = at if event.verified_status == "verified" else None
    return said


def _of_story(item: StoryItem, epic: int, known: KnownStory | None, after: Mapping[str, Any]) -> Iterator[str]:
    if known and known.epic != epic:
        yield item.path  # it is there, and stays in the epic that it is in
    given = item.given
    for fields, status in ((AGENT_FIELDS, after["agent_status"]), (VERIFIED_FIELDS, after["verified_status"])):
        for field in fields:
            said = "verified" if given.get(field) == "pass" else given.get(field)
            if said is not None and said != status:
                yield f"{item.path}.{field}"
    for field in (*TIMES, *OTHERS):
        if given.get(field) is not None and not _same(given[field], after.get(field)):
            yield f"{item.path}.{field}"
    for place, each in enumerate(given.get("acceptance_criteria") or ()):
        if each.get("description") is not None and each.get("criterion") not in (None, each["description"]):
            yield f"{item.path}.acceptance_criteria[{place}].criterion"  # the description is taken
    backfill = (given.get("metadata") or {}).get("backfill")
    if backfill is not None and backfill != msgspec.json.decode(after["metadata"]).get("backfill"):
        yield f"{item.path}.metadata.backfill"


def _same(given: Any, value: Any) -> bool:
    if isinstance(value, datetime):
        try:
            return bool(msgspec.convert(given, datetime) == value)
        except msgspec.ValidationError:
            return False
    return value is not None and given == str(value)
