"""What is ready, what is blocked and how far things are, by looking at everything: written from the contract alone."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

Node = tuple[str, str]
Key = tuple[int, int, str]


class ModelStory(Struct):
    epic: str
    number: str
    hours: float
    agent: str = "pending"
    verified: str = "unverified"

    @property
    def open(self) -> bool:
        return self.verified != "verified"


class Model:
    """The state of one tenant. Ids are those that the service gave."""

    def __init__(self) -> None:
        self.archived: set[str] = set()
        self.epics: dict[str, str] = {}
        """Epic to project."""
        self.stories: dict[str, ModelStory] = {}
        self.edges: dict[str, dict[str, tuple[str, str]]] = {"story": {}, "epic": {}}
        """By kind and id: dependent, prerequisite."""

    def blockers(self, story: str) -> dict[str, str]:
        """Open stories that hold this one back, with the way that they do."""
        epic = self.stories[story].epic
        through = {before for after, before in self.edges["epic"].values() if after == epic}
        found = {id_: "epic" for id_, each in self.stories.items() if each.epic in through and each.open}
        own = {before for after, before in self.edges["story"].values() if after == story}
        return {**found, **{id_: "story" for id_ in own if self.stories[id_].open}}

    def ready(self, projects: set[str]) -> list[str]:
        return self._sorted(
            id_ for id_, each in self._waiting(projects) if each.agent == "pending" and not self.blockers(id_)
        )

    def blocked(self, projects: set[str]) -> list[str]:
        return self._sorted(id_ for id_, _ in self._waiting(projects) if self.blockers(id_))

    def _waiting(self, projects: set[str]) -> Iterator[tuple[str, ModelStory]]:
        for id_, each in self.stories.items():
            if self.epics[each.epic] in projects and each.open and each.agent in ("pending", "contracted"):
                yield id_, each

    def _sorted(self, ids: Iterator[str]) -> list[str]:
        return sorted(ids, key=lambda id_: (*map(int, self.stories[id_].number.split(".")), id_))

    def progress(self, epics: list[str]) -> dict[str, Any]:
        inside = [[each for each in self.stories.values() if each.epic == epic] for epic in epics]
        stories = [each for some in inside for each in some]
        done = [each for each in stories if not each.open]
        agents = ("pending", "contracted", "assigned", "implementing", "reported_done")
        return {
            "total_stories": len(stories),
            "stories_by_agent_status": {name: sum(each.agent == name for each in stories) for name in agents},
            "stories_by_verified_status": {
                name: sum(each.verified == name for each in stories) for name in ("unverified", "verified", "rejected")
            },
            "total_epics": len(epics),
            "epics_completed": sum(bool(some) and not any(each.open for each in some) for some in inside),
            "verification_percentage": round(100 * len(done) / len(stories) + 1e-9, 1) if stories else 0.0,
            "estimated_hours_total": sum(each.hours for each in stories),
            "estimated_hours_completed": sum(each.hours for each in done),
        }

    def refusal(self, kind: str, dependent: str, prerequisite: str) -> str | None:
        """The code with which a new edge is refused; None when it may be added."""
        if dependent == prerequisite:
            return "self_dependency"
        if self._project(kind, dependent) != self._project(kind, prerequisite):
            return "cross_project_dependency"
        if _reaches(self._plain(kind), prerequisite, dependent):
            return "cycle_detected"
        if self._deadlocks({kind: (dependent, prerequisite)}):
            return "cross_level_deadlock"
        return "dependency_exists" if (dependent, prerequisite) in self.edges[kind].values() else None

    def _project(self, kind: str, id_: str) -> str:
        return self.epics[self.stories[id_].epic if kind == "story" else id_]

    def _plain(self, kind: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for dependent, prerequisite in self.edges[kind].values():
            found.setdefault(dependent, set()).add(prerequisite)
        return found

    def _deadlocks(self, more: dict[str, tuple[str, str]]) -> bool:
        """With one more edge something waits for itself. An epic begins and is done like a story of its own."""
        waits: dict[Any, set[Any]] = {}
        for id_, each in self.stories.items():
            waits.setdefault(("story", id_), set()).add(("begin", each.epic))
            waits.setdefault(("done", each.epic), set()).add(("story", id_))
        for epic in self.epics:
            waits.setdefault(("done", epic), set()).add(("begin", epic))
        for kind, edges in self.edges.items():
            pairs = [*edges.values(), *([more[kind]] if kind in more else [])]
            for dependent, prerequisite in pairs:
                first = ("story", dependent) if kind == "story" else ("begin", dependent)
                then = ("story", prerequisite) if kind == "story" else ("done", prerequisite)
                waits.setdefault(first, set()).add(then)
        return any(_reaches(waits, next_, node) for node, after in waits.items() for next_ in after)

    def drop_story(self, story: str) -> None:
        del self.stories[story]
        self._drop_edges("story", story)

    def drop_epic(self, epic: str) -> None:
        for story in [id_ for id_, each in self.stories.items() if each.epic == epic]:
            self.drop_story(story)
        del self.epics[epic]
        self._drop_edges("epic", epic)

    def _drop_edges(self, kind: str, end: str) -> None:
        self.edges[kind] = {id_: ends for id_, ends in self.edges[kind].items() if end not in ends}


def _reaches(graph: dict[Any, set[Any]], start: Any, goal: Any) -> bool:
    seen, left = {start}, [start]
    while left:
        node = left.pop()
        if node == goal:
            return True
        left += graph.get(node, set()) - seen
        seen |= graph.get(node, set())
    return False
