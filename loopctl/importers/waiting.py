"""Who waits for whom, of external ids: as dependencies of ours, or kept aside where there is none such."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from loopctl.importers.items import Item, Unreadable

MOST_SHOWN = 12
"""Ids of a cycle."""


class Edges(Struct, frozen=True):
    """Numbers of dependent and prerequisite. ``kept`` are ids that an item waits for in a way that has no dependency,
    by its id; ``left_out`` says what names nothing."""

    stories: Sequence[tuple[str, str]]
    epics: Sequence[tuple[int, int]]
    kept: Mapping[str, list[str]]
    left_out: Sequence[str]


def edges_of(items: Sequence[Item], numbers: Mapping[str, str], epics: Mapping[str, int]) -> Edges:
    """Raises Unreadable for items that wait for each other."""
    stories: dict[tuple[str, str], None] = {}
    between: dict[tuple[int, int], None] = {}
    kept: dict[str, list[str]] = {}
    left_out: list[str] = []
    waits: dict[str, list[str]] = {}
    for item in items:
        for other in dict.fromkeys(item.waits_for):
            own = item.external_id
            if other == own:
                left_out.append(f"{item.place}: waits for itself, which is left out")
            elif other not in numbers:
                left_out.append(f"{item.place}: waits for {other}, which is not there; kept in its metadata")
                kept.setdefault(own, []).append(other)
            elif (own in epics) != (other in epics):
                left_out.append(f"{item.place}: an epic and a story cannot wait for each other; {other} is kept aside")
                kept.setdefault(own, []).append(other)
            else:
                waits.setdefault(own, []).append(other)
                if own in epics:
                    between[epics[own], epics[other]] = None
                else:
                    stories[numbers[own], numbers[other]] = None
    _check_no_cycle(waits, {item.external_id: item.place for item in items})
    return Edges(list(stories), list(between), kept, left_out)


def _check_no_cycle(waits: Mapping[str, Sequence[str]], places: Mapping[str, str]) -> None:
    """Depth first, without recursion: a chain may be as long as the backlog."""
    done: set[str] = set()
    for start in waits:
        path, on_path, left = [start], {start}, [iter(waits[start])]
        if start in done:
            continue
        while left:
            following = next(left[-1], None)
            if following is None:
                left.pop()
                on_path.discard(path[-1])
                done.add(path.pop())
            elif following in on_path:
                ring = [*path[path.index(following) :], following]
                shown = [*ring[:MOST_SHOWN], "…"] if len(ring) > MOST_SHOWN else ring
                raise Unreadable([f"{places[following]}: waits for itself: {' -> '.join(shown)}"])
            elif following not in done and following in waits:
                path.append(following)
                on_path.add(following)
                left.append(iter(waits[following]))
            else:
                done.add(following)
