"""What changed on which side, found out without a server: the project is what an import would have made of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopctl.importers.building import Built, build
from loopctl.importers.items import Item, Reading
from loopctl.importers.known import known_of
from loopctl.importers.syncing import (
    Prefer,
    Synced,
    SyncMap,
    claims,
    compare,
    digest,
    found_again,
    next_map,
    without_gone,
)
from tests.loopctl.importers.reading import item

EMPTY: dict[str, Any] = {"epics": [], "story_dependencies": [], "epic_dependencies": []}
ABSENT: dict[str, Any] = {
    "description": None, "acceptance_criteria": [], "estimated_hours": None, "verified_status": "unverified",
    "agent_status": "pending", "metadata": {},
}  # fmt: skip


class Both:
    """A source and a project, as the command goes between them."""

    def __init__(self) -> None:
        self.project = EMPTY
        self.map = SyncMap("test", "http://here", "p")

    def sync(self, *items: Item, prefer: Prefer | None = None) -> Synced:
        exported = self.project
        known = found_again(known_of("test", exported), self.map, exported)
        reading, gone = without_gone(Reading(items=list(items)), known, self.map, exported)
        built = build("test", reading, known, reported=True)
        found = compare(built, exported, self.map, prefer)
        found.gone_here = gone
        self.project = merged(exported, found.payload)
        self.map = next_map(self.map, built, found, self.project)
        self.built: Built = built
        return found

    def story(self, number: str) -> dict[str, Any]:
        found: dict[str, Any] = next(
            each for epic in self.project["epics"] for each in epic["stories"] if each["number"] == number
        )
        return found


def merged(project: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
    epics = {epic["number"]: {**epic, "stories": list(epic["stories"])} for epic in project["epics"]}
    for said in payload["epics"]:
        epic = epics.setdefault(said["number"], {"metadata": {}, "description": None, "stories": []})
        stories = {each["number"]: each for each in epic["stories"]}
        for each in said["stories"]:
            before = stories.get(each["number"], ABSENT)
            status = {"agent_status": each.get("initial_agent_status", before["agent_status"])}
            plain = {name: value for name, value in each.items() if name != "initial_agent_status"}
            stories[each["number"]] = {**before, **plain, **status}
        epic.update({name: value for name, value in said.items() if name != "stories"}, stories=[*stories.values()])
    edges = {
        kind: [*project[kind], *(each for each in payload[kind] if each not in project[kind])]
        for kind in ("story_dependencies", "epic_dependencies")
    }
    return {"epics": [epics[number] for number in sorted(epics)], **edges}


def sent(found: Synced) -> list[Any]:
    return [*found.payload["epics"], *found.payload["story_dependencies"], *found.payload["epic_dependencies"]]


def test_a_second_run_sends_nothing() -> None:
    both = Both()
    items = [item("e", is_epic=True), item("a", epic="e", hours=2), item("b", group="G", waits_for=["a"])]
    assert both.sync(*items).created == ["a", "epic 1", "b", "epic 2"]
    again = both.sync(*items)
    assert (sent(again), again.unchanged) == ([], 4)


def test_a_changed_member_is_sent_alone_and_leaves_what_was_changed_here() -> None:
    both = Both()
    both.sync(item("a", description="old"), item("b"))
    both.story("1.1")["description"] = "mended here"
    found = both.sync(item("a", description="old", title="New"), item("b"))
    assert found.payload["epics"] == [{"number": 1, "stories": [{"number": "1.1", "title": "New"}]}]
    assert (found.updated, found.kept_here, found.conflicts) == (["a"], ["1.1 description"], [])
    assert both.story("1.1")["description"] == "mended here"


def test_what_changed_on_both_sides_is_a_conflict_until_somebody_chooses() -> None:
    both = Both()
    both.sync(item("a", description="old"))
    both.story("1.1")["description"] = "here"
    for _ in range(2):
        (conflict,) = both.sync(item("a", description="there")).conflicts
        assert (conflict.number, conflict.member, conflict.there, conflict.here) == (
            "1.1", "description", "there", "here",
        )  # fmt: skip
        assert both.story("1.1")["description"] == "here"


@pytest.mark.parametrize(("prefer", "left"), [("theirs", "there"), ("ours", "here")])
def test_a_conflict_that_was_decided_does_not_come_again(prefer: Prefer, left: str) -> None:
    both = Both()
    both.sync(item("a", description="old"))
    both.story("1.1")["description"] = "here"
    both.sync(item("a", description="there"), prefer=prefer)
    assert both.story("1.1")["description"] == left
    again = both.sync(item("a", description="there"))
    assert (sent(again), again.conflicts) == ([], [])
    assert both.sync(item("a", description="newer")).conflicts == []


def test_the_same_change_on_both_sides_is_none() -> None:
    both = Both()
    both.sync(item("a", title="old"))
    both.story("1.1")["title"] = "new"
    found = both.sync(item("a", title="new"))
    assert (sent(found), found.conflicts, found.kept_here) == ([], [], [])


def test_what_was_deleted_here_is_not_made_again_and_what_is_gone_there_stays() -> None:
    both = Both()
    both.sync(item("a"), item("b"), item("c"))
    both.project["epics"][0]["stories"] = [
        each for each in both.project["epics"][0]["stories"] if each["number"] != "1.2"
    ]
    found = both.sync(item("a"), item("b"))
    assert (sent(found), found.gone_here, found.gone_there) == ([], ["b"], ["c"])


def test_a_story_that_lost_its_mark_here_is_found_by_the_map() -> None:
    both = Both()
    both.sync(item("a"))
    both.story("1.1")["metadata"] = {"mine": 1}
    found = both.sync(item("a", title="New"))
    assert (found.created, found.updated, both.story("1.1")["title"]) == ([], ["a"], "New")
    assert both.story("1.1")["metadata"] == {"mine": 1}, "what was taken away here stays away"


def test_a_dependency_that_was_taken_away_here_stays_away_and_a_new_one_comes() -> None:
    both = Both()
    both.sync(item("a"), item("b", waits_for=["a"]), item("c"))
    both.project["story_dependencies"] = []
    found = both.sync(item("a"), item("b", waits_for=["a"]), item("c", waits_for=["b"]))
    assert both.project["story_dependencies"] == [{"story": "1.3", "depends_on": "1.2"}]
    assert found.kept_here == ["1.2 does not wait for 1.1"]
    later = both.sync(item("a"), item("b"), item("c"))
    assert (sent(later), later.gone_there) == ([], ["1.3 waits for 1.2"])


def test_a_tick_or_a_close_there_is_a_claim_and_verifies_nothing() -> None:
    both = Both()
    both.sync(item("a"), item("b", claimed_done=True))
    assert both.story("1.2")["agent_status"] == "reported_done"
    both.sync(item("a", claimed_done=True, status="closed"), item("b", claimed_done=True))
    assert (both.story("1.1")["agent_status"], both.story("1.1")["verified_status"]) == ("pending", "unverified")
    assert both.story("1.1")["metadata"]["external"]["claims_done"] is True
    items = [item("a", claimed_done=True), item("b", claimed_done=True)]
    assert [each["number"] for each in claims(items, both.built.numbers, both.project)] == ["1.1", "1.2"]


def test_without_a_map_the_source_counts_as_with_an_import() -> None:
    both = Both()
    both.sync(item("a", description="old"))
    both.map = SyncMap("test", "http://here", "p")
    both.story("1.1")["description"] = "here"
    assert both.sync(item("a", description="old")).updated == ["a"]
    assert both.story("1.1")["description"] == "old"


TEXTS = st.sampled_from(["", "x", "y"])
RUNS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abc"), st.tuples(st.sampled_from(["t", "u"]), TEXTS), min_size=1),
        st.dictionaries(st.sampled_from(["1.1", "1.2", "1.3"]), TEXTS),
    ),
    max_size=6,
)


@given(RUNS)
def test_after_any_changes_a_run_that_finds_nothing_new_sends_nothing_and_no_change_here_is_lost(runs: Any) -> None:
    both = Both()
    for said, changed_here in runs:
        numbers = {each["number"] for epic in both.project["epics"] for each in epic["stories"]}
        touched = {number: text for number, text in changed_here.items() if number in numbers}
        agreed = {each.number: each.here["description"] for each in both.map.items.values()}
        for number, text in touched.items():
            both.story(number)["description"] = text
        items = [item(name, title=title, description=text) for name, (title, text) in said.items()]
        found = both.sync(*items)
        for number, text in touched.items():
            if digest(text) != agreed[number]:
                assert both.story(number)["description"] == text
        again = both.sync(*items)
        assert (sent(again), again.conflicts) == ([], found.conflicts)
