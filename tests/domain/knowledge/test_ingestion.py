"""From a text to drafts: where it is cut, what they are called, and that nothing of it is lost."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.event import Recorded, Stream
from domain.knowledge.ingestion import (
    CHUNK,
    LONGEST_CONTENT,
    MOST_DRAFTS,
    Earlier,
    Ingestion,
    IngestionFinished,
    NewIngestion,
    check_ingestion,
    chunks,
    draft_id,
    drafts_of,
    evolve_ingestion,
    is_repeated,
    source_id,
)
from tests.api.logs import NOON

SOME = UUID(int=7)
TEXTS = st.text(st.sampled_from("ab #\n\u00e4\U0001f98a"), max_size=400)


def requested(wish: NewIngestion) -> Ingestion:
    event = check_ingestion(wish, project_is_there=True)
    found = evolve_ingestion(None, Recorded(3, Stream("ingestion", SOME), 0, NOON, ("test",), event))
    assert found is not None
    return found


@given(TEXTS, st.integers(8, 60))
def test_pieces_are_small_enough_and_leave_out_nothing_but_blanks(text: str, most: int) -> None:
    pieces = chunks(text, most)
    assert all(len(piece.encode()) <= most for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_short_text_is_one_piece_as_it_is() -> None:
    assert chunks("") == [""]
    assert chunks("# a\n\nb\n") == ["# a\n\nb\n"]


def test_it_is_cut_before_headings_then_at_blank_lines_then_at_lines() -> None:
    assert chunks("# a\naaaa\n# b\nbbbb", 10) == ["# a\naaaa", "# b\nbbbb"]
    assert chunks("aaaa\n\nbbbb\n\ncccc", 10) == ["aaaa\n\nbbbb", "cccc"]
    assert chunks("aaaaaaa\nbbb", 9) == ["aaaaaaa", "bbb"]
    assert chunks("\u00e4" * 6, 5) == ["\u00e4\u00e4"] * 3
    assert chunks("# a\nx\n# b\ny", 20) == ["# a\nx\n# b\ny"]


def test_drafts_have_the_title_of_the_whole_and_their_own_heading() -> None:
    text = f"# Retries\n{'word ' * 1500}\n## Deadlines\n{'word ' * 1500}"
    drafts, left_out = drafts_of(text, "Handbook")
    assert ([each.title for each in drafts], left_out) == (["Handbook: Retries", "Handbook: Deadlines"], 0)
    assert [each.title for each in drafts_of("# Retries\nx", "")[0]] == ["Retries"]
    assert [each.title for each in drafts_of("Just a line.\nAnd more.", "")[0]] == ["Just a line."]
    assert drafts_of(" \n ", "Handbook") == ((), 0)


@given(st.integers(0, 400_000))
def test_ten_drafts_at_most_take_in_whatever_fits_into_ten_articles(count: int) -> None:
    drafts, left_out = drafts_of("word " * count, "t")
    assert len(drafts) <= MOST_DRAFTS
    assert all(len(each.body) <= 100_000 for each in drafts)
    assert sum(each.body.count("word") for each in drafts) == count - -(-left_out // 5) or left_out
    assert left_out == 0 or count * 5 > 900_000


def test_titles_of_one_text_differ() -> None:
    drafts, _ = drafts_of("word " * 9000, "t")
    assert len({each.title for each in drafts}) == len(drafts) > 1
    assert all(len(each.body.encode()) <= CHUNK for each in drafts)


def test_the_source_of_articles_follows_from_what_was_read() -> None:
    """Appendix B, 9: the first 16 bytes of SHA-256 over the hexadecimal text, without version bits."""
    found = source_id("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert found.hex == "dfe7a23fefeea519e9bbfdd1a6be94c4"


def test_the_same_text_makes_the_same_drafts_and_for_another_project_others() -> None:
    one, again = (requested(NewIngestion(content="x", source_type="manual")) for _ in range(2))
    other = requested(NewIngestion(content="x", source_type="manual", project_id=SOME))
    (draft,), _ = drafts_of("x", "")
    assert draft_id(one, draft) == draft_id(again, draft) != draft_id(other, draft)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (NewIngestion(source_type="manual"), "url"),
        (NewIngestion(url="https://x.example", content="x", source_type="manual"), "url"),
        (NewIngestion(content="x"), "source_type"),
        (NewIngestion(content="x", source_type="poem"), "source_type"),
        (NewIngestion(content="x" * (LONGEST_CONTENT + 1), source_type="manual"), "content"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(wish: NewIngestion, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_ingestion(wish, project_is_there=True)
    assert [*caught.value.facts["details"]] == [field]


def test_the_same_within_an_hour_is_the_same_job() -> None:
    earlier = Earlier("x", SOME, NOON)
    assert is_repeated(earlier, NOON + timedelta(seconds=3599))
    assert not is_repeated(earlier, NOON + timedelta(seconds=3600))
    assert not is_repeated(Earlier("x"), NOON)


def test_when_it_is_finished_its_text_is_no_longer_kept() -> None:
    ingestion = requested(NewIngestion(content="secret", source_type="manual"))
    assert ingestion.content == "secret"
    event = IngestionFinished(state="completed", article_ids=(SOME,))
    done = evolve_ingestion(ingestion, Recorded(4, Stream("ingestion", SOME), 1, NOON, ("test",), event))
    assert done is not None
    assert (done.content, done.state, done.article_count, done.finished_at) == ("", "completed", 1, NOON)
