"""Numbers that stay, claims that are claims, and a second run that changes only what has changed."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopctl.importers.building import LARGEST_STORY, MOST_MINORS
from loopctl.importers.items import Criterion, Item, Unreadable
from tests.loopctl.importers.reading import built, item, known_after, story, waits


def test_a_second_run_builds_what_the_first_one_did() -> None:
    items = [item("e", is_epic=True), item("a", epic="e"), item("b", group="G", waits_for=["a"]), item("c")]
    first = built(*items)
    again = built(*items, known=known_after(first))
    assert again.numbers == first.numbers
    assert again.payload["story_dependencies"] == first.payload["story_dependencies"] != []
    for now, before in zip(again.payload["epics"], first.payload["epics"], strict=True):
        assert now["stories"] == before["stories"]
        assert now.items() <= before.items(), "an epic that is known may say less, and nothing else"


def test_what_is_new_gets_the_next_number_and_nothing_moves() -> None:
    first = built(item("a", group="G"), item("b", group="H"))
    later = built(
        item("new", group="G"), item("b", group="G"), item("a", group="G"), item("x", group="I"),
        known=known_after(first),
    )  # fmt: skip
    assert later.numbers == {"new": "1.2", "b": "2.1", "a": "1.1", "x": "3.1"}
    assert story(later, "b")["title"] == "Item b"


def test_a_done_one_is_reported_when_it_is_new_and_asked_for_and_a_tick_is_kept_beside() -> None:
    done = item("a", claimed_done=True, status="closed", criteria=[Criterion("x", ticked=True), Criterion("y")])
    new = story(built(done), "a")
    assert new["initial_agent_status"] == "reported_done"
    assert new["metadata"]["external"] == {"status": "closed", "claims_done": True}
    assert (new["external_source"], new["external_id"], new["claimed_criteria"]) == ("test", "a", ["AC-1"])
    assert new["acceptance_criteria"] == [{"id": "AC-1", "criterion": "x"}, {"id": "AC-2", "criterion": "y"}]
    assert "initial_agent_status" not in story(built(done, reported=False), "a")
    assert "initial_agent_status" not in story(built(done, known=known_after(built(done))), "a")


def test_what_is_verified_here_keeps_its_words() -> None:
    known = known_after(built(item("a")), verified_status="verified")
    changed = built(item("a", title="Other words"), known=known)
    assert "title" not in story(changed, "a")
    assert "verified here" in changed.report["changed"][0]
    assert story(built(item("a"), known=known), "a")["title"] == "Item a", "the control"


def test_what_somebody_put_into_the_metadata_here_stays() -> None:
    known = known_after(built(item("a")), metadata={"mine": 1, "external": {"source": "test", "id": "a", "old": 1}})
    metadata = story(built(item("a", status="open"), known=known), "a")["metadata"]
    assert metadata == {"mine": 1, "external": {"status": "open"}}


def test_an_epic_that_is_full_goes_on_in_another() -> None:
    found = built(*(item(str(number)) for number in range(MOST_MINORS + 3)))
    assert [len(epic["stories"]) for epic in found.payload["epics"]] == [MOST_MINORS, 3]
    assert found.payload["epics"][1]["title"] == "Without an epic (2)"
    again = built(*(item(str(number)) for number in range(MOST_MINORS + 4)), known=known_after(found))
    assert again.numbers[str(MOST_MINORS + 3)] == "2.4"


def test_epics_wait_for_epics_and_an_epic_and_a_story_are_kept_aside() -> None:
    found = built(
        item("e", is_epic=True), item("f", is_epic=True, waits_for=["e"]), item("a", epic="e", waits_for=["f", "a"])
    )
    assert found.payload["epic_dependencies"] == [{"epic": 2, "depends_on": 1}]
    assert found.payload["story_dependencies"] == []
    assert story(found, "a")["metadata"]["external"]["waits_for"] == ["f"]
    assert len(found.report["changed"]) == 2


def test_what_is_too_long_is_cut_and_said() -> None:
    comments = [{"text": "é" * 5000} for _ in range(20)]
    found = built(item("a", title="t" * 501, description="ü" * 60_000, kept={"comments": comments}))
    long = story(found, "a")
    assert len(msgspec.json.encode(long)) <= LARGEST_STORY
    assert len(long["title"]) == 500
    assert len(found.report["changed"]) == 4


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([item("a", place="line 1"), item("a", place="line 9")], "line 9: a is there twice, first in line 1"),
        ([item("a", waits_for=["b"]), item("b", waits_for=["c"]), item("c", waits_for=["a"])], "a -> b -> c -> a"),
    ],
)
def test_what_meets_or_waits_for_itself_is_refused_with_its_place(items: list[Item], told: str) -> None:
    with pytest.raises(Unreadable, match=told):
        built(*items)


def test_a_chain_as_long_as_a_backlog_is_no_cycle() -> None:
    chain = [item(str(at), waits_for=[str(at + 1)]) for at in range(20_000)]
    assert len(waits(built(*chain, item("20000")))) == 20_000


NAMES = st.sampled_from("abcdefgh")
ITEMS = st.lists(
    st.builds(
        item, NAMES, is_epic=st.booleans(), epic=st.sampled_from(["", *"abcdefgh"]),
        group=st.sampled_from(["", "G", "H"]), waits_for=st.lists(NAMES, max_size=3), claimed_done=st.booleans(),
    ),
    max_size=8, unique_by=lambda each: each.external_id,
)  # fmt: skip


@given(ITEMS, ITEMS)
@settings(max_examples=40, deadline=None)
def test_any_backlog_after_any_other_keeps_every_number_and_loses_no_item(before: Any, after: Any) -> None:
    try:
        first = built(*before)
        second = built(*after, known=known_after(first))
    except Unreadable:
        return
    for found, items in ((first, before), (second, after)):
        numbers = [each["number"] for epic in found.payload["epics"] for each in epic["stories"]]
        assert len(numbers) == len(set(numbers)) == sum(not each.is_epic for each in items)
        assert found.numbers.keys() == {each.external_id for each in items}
        assert all(one != other for one, other in waits(found))
    stayed = {each.external_id for each in before if not each.is_epic} & {
        each.external_id for each in after if not each.is_epic
    }
    assert {first.numbers[name] for name in stayed} == {second.numbers[name] for name in stayed}
