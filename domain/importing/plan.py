"""What an import comes to: what it says and what is there, in; events, out. Steps 8 to 11 of the contract."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, structs

from domain.dependency import EpicDependencyCreated, StoryDependencyCreated
from domain.epic import Epic, create_epic, update_epic
from domain.errors import Conflict, Invalid
from domain.event import Event, Stream
from domain.graph import DependencyGraph, check_waiting
from domain.importing import edges
from domain.importing.fields import (
    check_fits,
    check_statuses,
    epic_fields,
    initial_statuses,
    marked_as_imported,
    status_path,
    story_fields,
)
from domain.importing.findings import MOST_NAMED, Findings
from domain.importing.payload import EpicItem, Payload, StoryItem
from domain.importing.ties import ImportedTies, KnownStory
from domain.lifecycle.evidence import no_evidence, wants_evidence
from domain.lifecycle.identity import Identity, authorship
from domain.numbering import parse_story_number
from domain.project import ProjectImported, ProjectMerged
from domain.story import Place, Story, StoryCreated, StoryImported, StoryText, create_story, update_story
from domain.tenant_settings import DEFAULTS, TenantSettings

Fact = tuple[Stream, Event]


class ProjectContents(Struct, frozen=True, kw_only=True):
    """What a project holds, by number. Edges are pairs of dependent and prerequisite."""

    epics: Mapping[int, Epic] = {}
    stories: Mapping[str, KnownStory] = {}
    whole: Mapping[str, tuple[Story, StoryText]] = {}
    """Those stories that a merge names."""
    story_edges: frozenset[tuple[str, str]] = frozenset()
    epic_edges: frozenset[tuple[int, int]] = frozenset()
    changed_position: int | None = None
    """Place in the log of the newest change of anything in it that an import can change, after the one asked about."""
    newest_position: int = -1
    """Place of the log's newest entry, when a position was asked about."""


class ImportWish(Struct, frozen=True, kw_only=True):
    project_id: UUID
    payload: Payload
    merge: bool
    if_position: int | None = None
    """Only if nothing of the project has changed after this place in the log, where an export was taken."""
    ids: Sequence[UUID]
    """One for everything that may be new, see `most_new`."""
    may_verify: bool
    """Stories may come in as verified."""
    policy: TenantSettings = DEFAULTS
    importer: Identity
    at: datetime


def most_new(payload: Payload) -> int:
    """How many ids an import can need."""
    given = (payload.given.story_dependencies, payload.given.epic_dependencies)
    return sum(1 + len(epic.stories) for epic in payload.epics) + sum(
        len(each) for each in given if isinstance(each, list)
    )


def plan_import(wish: ImportWish, there: ProjectContents) -> list[Fact]:
    """All events, in an order in which each has what it needs before it. Raises Invalid, Conflict, Forbidden: what was
    sent is looked at whole before what is there is."""
    _check_unchanged(wish, there)
    taken = None if wish.merge else _taken(wish.payload, there)
    stories = there.stories
    if not wish.merge:
        there = ProjectContents()
    plan = _Plan(wish, there, stories)
    for item in wish.payload.epics:
        plan.add_epic(item)
    plan.add_edges(taken)
    return [*plan.facts, (Stream("project", wish.project_id), plan.summary())]


def _check_unchanged(wish: ImportWish, there: ProjectContents) -> None:
    """Raises Invalid, Conflict."""
    if wish.if_position is None:
        return
    if wish.if_position > there.newest_position:
        raise Invalid(
            if_position=f"is beyond the log, which ends at {there.newest_position}; an export says its own in "
            "export_metadata.position"
        )
    if there.changed_position is not None:
        raise Conflict(
            f"The project has changed at position {there.changed_position}, after {wish.if_position}: export it again "
            "and bring your changes into that, or import without if_position to overwrite.",
            code="export_outdated",
        )


def orphans(payload: Payload, there: ProjectContents) -> list[tuple[str, str]]:
    """Number and title of the stories that a merge does not name, by number."""
    named = set(payload.story_numbers)
    left = [(number, story.title) for number, story in there.stories.items() if number not in named]
    return sorted(left, key=lambda each: _order(each[0]))


class _Plan:
    """Collects the events of one import, and knows by number what will be there."""

    def __init__(self, wish: ImportWish, there: ProjectContents, stories: Mapping[str, KnownStory]) -> None:
        """``stories`` are those of the project, also where a fresh import may not name them."""
        self._wish = wish
        self._there = there
        self._found = Findings(wish.payload.found)
        self._ids: Iterator[UUID] = iter(wish.ids)
        self._epics: dict[int, UUID] = {number: epic.epic_id for number, epic in there.epics.items()}
        self._stories = {number: story.story_id for number, story in there.stories.items()}
        self._stories |= {each: next(self._ids) for each in wish.payload.story_numbers if each not in there.stories}
        self._ties = ImportedTies(wish.payload, stories, self._stories)
        self._epic_of = {number: story.epic for number, story in there.stories.items()}
        self._updated = {"epic": 0, "story": 0}
        self._created = {"epic": 0, "story": 0, "story_dependency": 0, "epic_dependency": 0}
        self.facts: list[Fact] = []

    def add_epic(self, item: EpicItem) -> None:
        found, fields = self._found, epic_fields(self._found, item)
        known = self._there.epics.get(item.number)
        if known:
            self._update("epic", item.path, known.epic_id, found.checked(item.path, lambda: update_epic(known, fields)))
        else:
            if fields.position is UNSET:
                fields = structs.replace(fields, position=item.place)
            created = found.checked(
                item.path, lambda: create_epic(self._wish.project_id, item.number, number_taken=False, fields=fields)
            )
            self._epics[item.number] = self._create("epic", created, item.path)
        for story in item.stories:
            self._add_story(item, story)

    def _add_story(self, epic: EpicItem, item: StoryItem) -> None:
        found, fields = self._found, story_fields(self._found, item)
        check_statuses(found, item)
        ties = self._ties.of(item)
        known = self._there.whole.get(item.number)
        if known:
            updates = found.checked(item.path, lambda: update_story(*known, fields, ties))
            self._update("story", item.path, known[0].story_id, updates)
            return
        place = Place(
            project_id=self._wish.project_id, epic_id=self._epics[epic.number], number=item.number, number_taken=False,
            ties=ties,
        )  # fmt: skip
        created: StoryCreated | None = found.checked(item.path, lambda: create_story(place, fields))
        if created and not self._wish.merge:
            created = self._imported(item, created)
        self._create("story", created, item.path, self._stories[item.number])
        self._epic_of[item.number] = epic.number

    def _imported(self, item: StoryItem, created: StoryCreated) -> StoryImported | None:
        may_verify, path = self._wish.may_verify, status_path(item)
        statuses = self._found.checked(path, lambda: initial_statuses(item, may_verify=may_verify))
        if statuses is None:
            return None
        said = structs.asdict(created)
        if statuses.verified == "verified":
            if wants_evidence(self._wish.policy):
                without = no_evidence("Nothing comes in as verified", self._wish.policy, "an import has none")
                self._found.inconsistent(path, without.message, "cannot be verified without evidence", without.code)
            said["metadata"] = marked_as_imported(created.metadata, self._wish.at)
        return StoryImported(
            **said, agent_status=statuses.agent, verified_status=statuses.verified, **authorship(self._wish.importer)
        )

    def add_edges(self, taken: Conflict | None) -> None:
        """The last to be looked at: whatever is wrong is said here."""
        given, there = self._wish.payload.given, self._there
        scope = edges.Scope(self._stories, self._epics, there.story_edges, there.epic_edges, self._wish.merge)
        stories = edges.story_edges(self._found, given.story_dependencies, scope)
        epics = edges.epic_edges(self._found, given.epic_dependencies, scope)
        self._ties.check_parents(self._found)
        self._found.raise_any()
        if taken:
            raise taken
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

    def _create(self, kind: str, event: Event | None, path: str = "", known_as: UUID | None = None) -> UUID:
        """None was refused, and is known by its number all the same: others may refer to it."""
        id_ = known_as or next(self._ids)
        if event is not None:
            check_fits(self._found, path, event)
            self.facts.append((Stream(kind, id_), event))
        self._created[kind] += 1
        return id_

    def _update(self, kind: str, path: str, id_: UUID, events: Sequence[Event] | None) -> None:
        for event in events or ():
            check_fits(self._found, path, event)
            self.facts.append((Stream(kind, id_), event))
        self._updated[kind] += bool(events)


def _taken(payload: Payload, there: ProjectContents) -> Conflict | None:
    """Numbers that the project has already."""
    epics = sorted(epic.number for epic in payload.epics if epic.number in there.epics)
    stories = sorted((number for number in payload.story_numbers if number in there.stories), key=_order)
    if not epics and not stories:
        return None
    details: dict[str, Any] = {
        "duplicate_epic_numbers": epics[:MOST_NAMED], "duplicate_story_numbers": stories[:MOST_NAMED]
    }  # fmt: skip
    return Conflict(
        f"The project has {len(epics)} of these epic numbers and {len(stories)} of these story numbers already; import "
        "with merge=true to update what is there.",
        code="import_conflict",
        details=details,
    )


def _order(number: str) -> tuple[int, int, str]:
    """Of a story's number that is known to be one."""
    parsed = parse_story_number(number)
    return (parsed.major, parsed.minor, number) if parsed else (0, 0, number)
