"""Whether something in a project waits for itself, over stories and epics at once."""

from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.graph import DependencyGraph, check_waiting, find_cycle

STORIES = {"1.1": 1, "1.2": 1, "2.1": 2, "3.1": 3}


def refusal(stories: dict[str, int], story_edges: list[tuple[str, str]], epic_edges: list[tuple[int, int]]) -> Invalid:
    with pytest.raises(Invalid) as found:
        check_waiting(DependencyGraph(stories=stories, story_edges=story_edges, epic_edges=epic_edges))
    return found.value


def test_a_cycle_of_stories_is_named_by_their_numbers() -> None:
    found = refusal(STORIES, [("3.1", "1.1"), ("1.1", "1.2"), ("1.2", "1.1")], [])
    assert (found.code, found.message) == ("cycle_detected", "Cycle detected: 1.1 -> 1.2 -> 1.1")


def test_a_story_that_waits_for_itself_is_a_cycle() -> None:
    assert refusal(STORIES, [("1.1", "1.1")], []).message == "Cycle detected: 1.1 -> 1.1"


def test_a_cycle_of_epics_says_that_they_are_epics() -> None:
    found = refusal(STORIES, [], [(1, 2), (2, 3), (3, 1)])
    assert found.message == "Cycle detected: epic 1 -> epic 2 -> epic 3 -> epic 1"


def test_a_story_that_waits_against_the_order_of_its_epics_is_a_deadlock() -> None:
    found = refusal(STORIES, [("1.1", "2.1")], [(2, 1)])
    assert (found.code, found.message) == ("cross_level_deadlock", "Cross-level deadlock: 1.1 -> 2.1 -> epic 1 -> 1.1")


def test_a_deadlock_is_found_through_an_epic_without_stories() -> None:
    found = refusal({"1.1": 1, "3.1": 3}, [("1.1", "3.1")], [(3, 2), (2, 1)])
    assert found.code == "cross_level_deadlock"


def test_waiting_in_the_order_of_the_epics_is_fine() -> None:
    check_waiting(
        DependencyGraph(
            stories=STORIES, story_edges=[("2.1", "1.1"), ("1.2", "1.1"), ("3.1", "2.1")], epic_edges=[(2, 1)]
        )
    )


def test_a_chain_longer_than_the_stack_is_walked() -> None:
    following = {number: [number + 1] for number in range(50_000)}
    assert find_cycle(following) == []
    assert len(find_cycle({**following, 50_000: [0]})) == 50_002


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=14))
def test_a_cycle_is_found_exactly_when_a_node_reaches_itself(edges: list[tuple[int, int]]) -> None:
    reached = set(edges)
    for between, one, other in product(range(6), repeat=3):  # Warshall: the node in between is the outer loop
        if (one, between) in reached and (between, other) in reached:
            reached.add((one, other))
    following: dict[int, list[int]] = {}
    for one, other in edges:
        following.setdefault(one, []).append(other)
    cycle = find_cycle(following)
    assert bool(cycle) == any(one == other for one, other in reached)
    assert set(pairwise(cycle)) <= set(edges)
    assert cycle[:1] == cycle[-1:]
