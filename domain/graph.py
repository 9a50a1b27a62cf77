"""What waits for what in a project as a whole, and whether something in it waits for itself.

A story waits for the stories that it depends on and, through its epic, for every story of each epic that its epic
depends on. The nodes are those of projections/facts/dependency_check.py: a story, an epic's entrance (what its stories
wait for), and an epic's whole content (all of its stories).
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from domain.errors import Invalid
from domain.fields import MOST_NAMED

Edges = Sequence[tuple[str, str]]
"""Dependent and prerequisite."""

Node = TypeVar("Node", bound=Hashable)


class DependencyGraph(Struct, frozen=True, kw_only=True):
    """Everything by number. ``stories`` says to which epic each belongs."""

    stories: Mapping[str, int]
    story_edges: Edges
    epic_edges: Sequence[tuple[int, int]]


def check_waiting(waiting: DependencyGraph) -> None:
    """Raises Invalid (cycle_detected, cross_level_deadlock), which names the way round. Linear in nodes and edges."""
    if stories := find_cycle(_following(waiting.story_edges)):
        raise Invalid(f"Cycle detected: {_way(stories)}", code="cycle_detected")
    if epics := find_cycle(_following(waiting.epic_edges)):
        raise Invalid(f"Cycle detected: {_way([f'epic {number}' for number in epics])}", code="cycle_detected")
    if waiting.epic_edges and (both := find_cycle(_combined(waiting))):
        raise Invalid(f"Cross-level deadlock: {_way(_names(both))}", code="cross_level_deadlock")


def find_cycle(following: Mapping[Node, Sequence[Node]]) -> list[Node]:
    """Nodes of one cycle, the first of them again at the end; empty when there is none. Linear in nodes and edges."""
    finished: set[Node] = set()
    for start in following:
        if start in finished:
            continue
        path: dict[Node, Iterator[Node]] = {start: iter(following[start])}
        while path:
            node, rest = next(reversed(path.items()))
            for after in rest:
                if after in path:
                    nodes = list(path)
                    return [*nodes[nodes.index(after) :], after]
                if after not in finished:
                    path[after] = iter(following.get(after, ()))
                    break
            else:
                finished.add(node)
                del path[node]
    return []


def _way(names: Sequence[str]) -> str:
    """Round the cycle. Of a long one the first few, how many more, and the first again."""
    left_out = len(names) - 1 - MOST_NAMED
    shown = [*names[:MOST_NAMED], f"{left_out} more", names[-1]] if left_out > 0 else names
    return " -> ".join(shown)


def _following(edges: Sequence[tuple[Node, Node]]) -> Mapping[Node, Sequence[Node]]:
    found: dict[Node, list[Node]] = {}
    for dependent, prerequisite in edges:
        found.setdefault(dependent, []).append(prerequisite)
    return found


def _combined(waiting: DependencyGraph) -> Mapping[tuple[str, object], Sequence[tuple[str, object]]]:
    edges: list[tuple[tuple[str, object], tuple[str, object]]] = []
    for dependent, prerequisite in waiting.story_edges:
        edges.append((("story", dependent), ("story", prerequisite)))
    for number, epic in waiting.stories.items():
        edges.append((("story", number), ("entrance", epic)))
        edges.append((("content", epic), ("story", number)))
    for before, after in waiting.epic_edges:
        edges.append((("entrance", before), ("content", after)))
        # An epic without stories stands between its neighbours all the same.
        edges.append((("content", after), ("entrance", after)))
    return _following(edges)


def _names(cycle: Sequence[tuple[str, object]]) -> list[str]:
    """For people: stories by number, an epic where its whole content is waited for. Begins and ends with the same."""
    shown = [_name(node) for node in cycle[:-1]]
    names = [name for name in shown if name]
    return [*names, names[0]]


def _name(node: tuple[str, object]) -> str | None:
    match node:
        case ("story", number):
            return str(number)
        case ("content", epic):
            return f"epic {epic}"
        case _:
            return None
