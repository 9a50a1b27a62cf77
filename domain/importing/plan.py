"""What an import comes to: what it says and what is there, in; events, out. Steps 8 to 11 of the contract."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, structs

from domain.dependency import EpicDependencyCreated, StoryDependencyCreated
from domain.epic import Epic, create_epic, update_epic
from domain.errors import Conflict
from domain.event import Event, Stream
from domain.graph import DependencyGraph, check_waiting
from domain.importing import edges
from domain.importing.fields import epic_fields, fitting, initial_statuses, marked_as_imported, story_fields, under
from domain.importing.payload import EpicItem, Payload, StoryItem
from domain.lifecycle.identity import Identity, authorship
from domain.numbering import parse_story_number
from domain.project import ProjectImported, ProjectMerged
from domain.story import Place, Story, StoryCreated, StoryImported, StoryText, create_story, update_story

Fact = tuple[Stream, Event]


class KnownStory(Struct, frozen=True, kw_only=True):
    """What has to be known of every story of the project."""

    story_id: UUID
    title: str
    epic: int
    """Its number."""


class ProjectContents(Struct, frozen=True, kw_only=True):
    """What a project holds, by number. Edges are pairs of dependent and prerequisite."""

    epics: Mapping[int, Epic] = {}
    stories: Mapping[str, KnownStory] = {}
    whole: Mapping[str, tuple[Story, StoryText]] = {}
    """Those stories that a merge names."""
    story_edges: frozenset[tuple[str, str]] = frozenset()
    epic_edges: frozenset[tuple[int, int]] = frozenset()


class ImportWish(Struct, frozen=True, kw_only=True):
    project_id: UUID
    payload: Payload
    merge: bool
    ids: Sequence[UUID]
    """One for everything that may be new, see `most_new`."""
    may_verify: bool
    """Stories may come in as verified."""
    importer: Identity
    at: datetime


def most_new(payload: Payload) -> int:
    """How many ids an import can need."""
    given = (payload.given.story_dependencies, payload.given.epic_dependencies)
    return sum(1 + len(epic.stories) for epic in payload.epics) + sum(
        len(each) for each in given if isinstance(each, list)
    )


def plan_import(wish: ImportWish, there: ProjectContents) -> list[Fact]:
    """All events, in an order in which each has what it needs before it. Raises Invalid, Conflict, Forbidden."""
    if not wish.merge:
        _check_new(wish.payload, there)
        there = ProjectContents()
    plan = _Plan(wish, there)
    for item in wish.payload.epics:
        plan.add_epic(item)
    plan.add_edges()
    return [*plan.facts, (Stream("project", wish.project_id), plan.summary())]


def orphans(payload: Payload, there: ProjectContents) -> list[tuple[str, str]]:
    """Number and title of the stories that a merge does not name, by number."""
    named = set(payload.story_numbers)
    left = [(number, story.title) for number, story in there.stories.items() if number not in named]
    return sorted(left, key=lambda each: _order(each[0]))


class _Plan:
    """Collects the events of one import, and knows by number what will be there."""

    def __init__(self, wish: ImportWish, there: ProjectContents) -> None:
        self._wish = wish
        self._there = there
        self._ids: Iterator[UUID] = iter(wish.ids)
        self._epics = {number: epic.epic_id for number, epic in there.epics.items()}
        self._stories = {number: story.story_id for number, story in there.stories.items()}
        self._epic_of = {number: story.epic for number, story in there.stories.items()}
        self._updated = {"epic": 0, "story": 0}
        self._created = {"epic": 0, "story": 0, "story_dependency": 0, "epic_dependency": 0}
        self.facts: list[Fact] = []

    def add_epic(self, item: EpicItem) -> None:
        fields = epic_fields(item)
        known = self._there.epics.get(item.number)
        if known:
            with under(item.path):
                updates = update_epic(known, fields)
            self._update("epic", known.epic_id, [fitting(item.path, event) for event in updates])
        else:
            if fields.position is UNSET:
                fields = structs.replace(fields, position=item.place)
            with under(item.path):
                created = create_epic(self._wish.project_id, item.number, number_taken=False, fields=fields)
            self._epics[item.number] = self._create("epic", fitting(item.path, created))
        for story in item.stories:
            self._add_story(item, story)

    def _add_story(self, epic: EpicItem, item: StoryItem) -> None:
        fields = story_fields(item)
        known = self._there.whole.get(item.number)
        if known:
            with under(item.path):
                updates = update_story(*known, fields)
            self._update("story", known[0].story_id, [fitting(item.path, event) for event in updates])
            return
        place = Place(
            project_id=self._wish.project_id, epic_id=self._epics[epic.number], number=item.number, number_taken=False
        )
        with under(item.path):
            created = create_story(place, fields)
        event = created if self._wish.merge else self._imported(item, created)
        self._stories[item.number] = self._create("story", fitting(item.path, event))
        self._epic_of[item.number] = epic.number

    def _imported(self, item: StoryItem, created: StoryCreated) -> StoryImported:
        statuses = initial_statuses(item, may_verify=self._wish.may_verify)
        said = structs.asdict(created)
        if statuses.verified == "verified":
            said["metadata"] = marked_as_imported(created.metadata, self._wish.at)
        return StoryImported(
            **said, agent_status=statuses.agent, verified_status=statuses.verified, **authorship(self._wish.importer)
        )

    def add_edges(self) -> None:
        given, there, merge = self._wish.payload.given, self._there, self._wish.merge
        stories = edges.story_edges(given.story_dependencies, self._stories, there.story_edges, merge=merge)
        epics = edges.epic_edges(given.epic_dependencies, self._epics, there.epic_edges, merge=merge)
        check_waiting(
            DependencyGraph(
                stories=self._epic_of,
                story_edges=[*sorted(there.story_edges), *stories],
                epic_edges=[*sorted(there.epic_edges), *epics],
            )
        )
        project = self._wish.project_id
        for dependent, prerequisite in stories:
            ends = {"story_id": self._stories[dependent], "depends_on_story_id": self._stories[prerequisite]}
            self._create("story_dependency", StoryDependencyCreated(project_id=project, **ends))
        for before, after in epics:
            ends = {"epic_id": self._epics[before], "depends_on_epic_id": self._epics[after]}
            self._create("epic_dependency", EpicDependencyCreated(project_id=project, **ends))

    def summary(self) -> ProjectImported | ProjectMerged:
        made = self._created
        if not self._wish.merge:
            return ProjectImported(
                epics_created=made["epic"],
                stories_created=made["story"],
                dependencies_created=made["story_dependency"] + made["epic_dependency"],
            )
        return ProjectMerged(
            epics_created=made["epic"],
            epics_updated=self._updated["epic"],
            stories_created=made["story"],
            stories_updated=self._updated["story"],
            dependencies_created=made["story_dependency"],
        )

    def _create(self, kind: str, event: Event) -> UUID:
        id_ = next(self._ids)
        self.facts.append((Stream(kind, id_), event))
        self._created[kind] += 1
        return id_

    def _update(self, kind: str, id_: UUID, events: Sequence[Event]) -> None:
        """Counted even when nothing changes: it was named."""
        self.facts += [(Stream(kind, id_), event) for event in events]
        self._updated[kind] += 1


def _check_new(payload: Payload, there: ProjectContents) -> None:
    """Raises Conflict when a number is taken."""
    epics = sorted(epic.number for epic in payload.epics if epic.number in there.epics)
    stories = sorted((number for number in payload.story_numbers if number in there.stories), key=_order)
    if epics or stories:
        details: dict[str, Any] = {"duplicate_epic_numbers": epics, "duplicate_story_numbers": stories}
        raise Conflict(
            "The project has some of these numbers already; import with merge=true to update what is there.",
            code="import_conflict",
            details=details,
        )


def _order(number: str) -> tuple[int, int, str]:
    """Of a story's number that is known to be one."""
    parsed = parse_story_number(number)
    return (parsed.major, parsed.minor, number) if parsed else (0, 0, number)
