"""Which article comes first: the worked examples of spec 03, appendix B, and what holds for any scores."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.knowledge.ranking import Weights, combine, freshen, pack, tokens_of
from tests.api.logs import NOON

A, B, C, D = (UUID(int=number) for number in range(1, 5))
SCORES = st.dictionaries(st.uuids(), st.floats(0, 1), max_size=20)


def test_two_lists_are_put_together_on_one_scale() -> None:
    """Appendix B, 1."""
    found = combine({A: 0.8, B: 0.4, C: 0.2}, {B: 0.9, D: 0.7})
    assert {id_: round(score, 4) for id_, score in found.items()} == {B: 0.6667, A: 0.5, C: 0, D: 0}
    assert list(found)[:2] == [B, A]


def test_a_single_hit_of_one_way_counts_half() -> None:
    """Appendix B, 2."""
    assert combine({A: 0.03}, {}) == {A: 0.5}


@pytest.mark.parametrize(
    ("days", "weight", "recency", "combined"),
    [(30, 0.3, 0.3679, 0.4604), (0, 0.3, 1.0, 0.65), (0, 1.5, 1.0, 1.0), (30, -0.5, 0.3679, 0.5)],
)
def test_what_changed_lately_comes_sooner(days: int, weight: float, recency: float, combined: float) -> None:
    """Appendix B, 3."""
    (found,) = freshen({A: 0.5}, {A: NOON - timedelta(days=days)}, NOON, weight)
    assert (found.relevance, found.recency, found.combined) == (0.5, recency, combined)


def test_a_text_from_the_future_is_as_fresh_as_one_of_now() -> None:
    (found,) = freshen({A: 0.5}, {A: NOON + timedelta(days=9)}, NOON, 1)
    assert found.recency == 1


def test_weights_are_shares() -> None:
    assert combine({A: 1, B: 0.5}, {B: 1, C: 0.5}, Weights(1, 0)) == {A: 1, B: 0, C: 0}
    for keyword, semantic in ((0.5, 0.6), (-0.1, 1.1), (0, 0)):
        with pytest.raises(ValueError, match="1 together"):
            Weights(keyword, semantic)


@given(SCORES, SCORES)
def test_everything_that_was_found_is_there_once_between_nothing_and_one(keyword: dict, semantic: dict) -> None:  # type: ignore[type-arg]  # of ids
    found = combine(keyword, semantic)
    assert found.keys() == keyword.keys() | semantic.keys()
    assert [*found.values()] == sorted(found.values(), reverse=True)
    assert all(0 <= score <= 1.000001 for score in found.values())


def test_as_many_texts_as_fit_come_whole_and_the_next_is_cut_where_a_paragraph_ends() -> None:
    short, long = "a" * 400, "b" * 500 + "\n\n" + "c" * 300 + "\n\n" + "d" * 900
    assert [each.text for each in pack([short, long], None)] == [short, long]
    first, second = pack([short, long, short], 320)
    assert (first.text, first.cut, second.cut) == (short, False, True)
    assert second.text == "b" * 500 + "\n\n" + "c" * 300
    assert first.tokens + second.tokens <= 320
    assert [each.text for each in pack([short, long], 150)] == [short]


@given(st.lists(st.text(max_size=2000), max_size=6), st.integers(0, 1000))
def test_a_pack_never_takes_more_than_it_may(texts: list[str], most: int) -> None:
    packed = pack(texts, most)
    assert sum(each.tokens for each in packed) <= most
    assert all(texts[each.place].startswith(each.text) and each.tokens == tokens_of(each.text) for each in packed)
    assert all(texts[each.place] == each.text for each in packed if not each.cut)
