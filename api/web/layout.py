"""Where the stories of a dependency graph are drawn: in columns, each story right of everything that it waits for."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from api.web.standing import lane_of

WIDTH, HEIGHT, ACROSS, DOWN, MARGIN = 168, 48, 36, 14, 12
LONGEST_TITLE = 22


class Box(Struct, frozen=True):
    id: str
    x: int
    y: int
    number: str
    title: str
    whole_title: str
    lane: str
    critical: bool
    unlocks: int
    """How many stories wait for it, straight or through others."""


class Edge(Struct, frozen=True):
    path: str
    critical: bool


class Drawing(Struct, frozen=True):
    boxes: Sequence[Box]
    edges: Sequence[Edge]
    width: int
    height: int
    critical: Sequence[Box]
    """The longest chain of stories that are not verified: nothing is done before it is."""
    box_width: int = WIDTH


def draw(graph: Mapping[str, Any]) -> Drawing:
    """Of the API's graph, whose edges lead from what waits to what it waits for. There are no circles in it."""
    stories = {story["id"]: story for epic in graph["epics"] for story in epic["stories"]}
    waits: dict[str, list[str]] = {name: [] for name in stories}
    for edge in graph["story_dependencies"]:
        if edge["from"] in stories and edge["to"] in stories:
            waits[edge["from"]].append(edge["to"])
    order = _sorted(waits)
    columns, chain = _columns(order, waits), _critical(order, waits, stories)
    unlocks, rows = _unlocks(order, waits), dict.fromkeys(range(len(stories) + 1), 0)
    boxes: dict[str, Box] = {}
    for name, story in stories.items():
        if not waits[name] and not unlocks[name]:
            continue  # alone: it is in no chain, and is listed beside
        column = columns[name]
        row, rows[column] = rows[column], rows[column] + 1
        boxes[name] = Box(
            name, MARGIN + column * (WIDTH + ACROSS), MARGIN + row * (HEIGHT + DOWN), story["number"],
            _cut(story["title"]), story["title"], lane_of(story), name in chain, unlocks[name],
        )  # fmt: skip
    edges = [Edge(_path(boxes[to], boxes[name]), name in chain and to in chain)
             for name, others in waits.items() for to in others]  # fmt: skip
    deepest = max((columns[name] for name in boxes), default=0)
    return Drawing(
        list(boxes.values()), edges, 2 * MARGIN + deepest * (WIDTH + ACROSS) + WIDTH,
        2 * MARGIN + max(rows.values(), default=1) * (HEIGHT + DOWN), [boxes[name] for name in chain if name in boxes],
    )  # fmt: skip


def _sorted(waits: Mapping[str, Sequence[str]]) -> list[str]:
    """What is waited for before what waits."""
    left = {name: len(others) for name, others in waits.items()}
    followers: dict[str, list[str]] = {name: [] for name in waits}
    for name, others in waits.items():
        for other in others:
            followers[other].append(name)
    ready, order = [name for name, count in left.items() if not count], []
    while ready:
        name = ready.pop(0)
        order.append(name)
        for follower in followers[name]:
            left[follower] -= 1
            if not left[follower]:
                ready.append(follower)
    return order


def _columns(order: Sequence[str], waits: Mapping[str, Sequence[str]]) -> dict[str, int]:
    found: dict[str, int] = dict.fromkeys(waits, 0)
    for name in order:
        found[name] = max((found[other] + 1 for other in waits[name]), default=0)
    return found


def _critical(order: Sequence[str], waits: Mapping[str, Sequence[str]], stories: Mapping[str, Any]) -> list[str]:
    longest: dict[str, list[str]] = {}
    for name in order:
        if stories[name]["verified_status"] != "verified":
            before: list[str] = max((longest.get(other, []) for other in waits[name]), key=len, default=[])
            longest[name] = [*before, name]
    return max(longest.values(), key=len, default=[])


def _unlocks(order: Sequence[str], waits: Mapping[str, Sequence[str]]) -> dict[str, int]:
    behind: dict[str, set[str]] = {name: set() for name in waits}
    for name in reversed(order):
        for other in waits[name]:
            behind[other] |= {name} | behind[name]
    return {name: len(found) for name, found in behind.items()}


def _path(start: Box, end: Box) -> str:
    x, y, to_x, to_y = start.x + WIDTH, start.y + HEIGHT // 2, end.x, end.y + HEIGHT // 2
    half = (x + to_x) // 2
    return f"M{x} {y}C{half} {y} {half} {to_y} {to_x} {to_y}"


def _cut(title: str) -> str:
    return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"
