"""What a review teaches: its findings in the reviewer's words, each once, with the story that taught it."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from domain.event import Recorded, Stream
from domain.fields import LONGEST_TITLE, Problems
from domain.knowledge.article import Article, check_body, check_tags, check_title, evolve_article
from domain.knowledge.events import ArticleUpdated
from domain.knowledge.lessons import Lesson, Reviewed, draft_of, learn, lessons_of
from tests.api.logs import NOON

TENANT, STORY = UUID(int=1), UUID(int=2)
LIST = """Looked at everything.
- Retries multiply. Two layers did.
* The lock is held
  over the network call
3) No test for an empty list"""
REVIEW = Reviewed(
    review_id=UUID(int=3), position=7, review_type="team review", findings_count=3, fixes_count=2, disproved_count=1,
    summary=LIST, story_id=STORY, project_id=UUID(int=4), number="US-1.2", story_title="Log in", completed_at=NOON,
)  # fmt: skip


def findings(review: Reviewed = REVIEW) -> list[str]:
    return [each.finding for each in lessons_of(review, TENANT)]


def draft(lesson: Lesson | None = None) -> Article:
    meant = lesson or lessons_of(REVIEW, TENANT)[0]
    made = evolve_article(
        None, Recorded(8, Stream("article", meant.article_id), 0, NOON, (), draft_of(meant, REVIEW))
    )  # fmt: skip
    assert made is not None
    return made


def test_each_line_of_a_list_is_a_lesson_with_what_belongs_to_it() -> None:
    assert findings() == [
        "Retries multiply. Two layers did.", "The lock is held over the network call", "No test for an empty list",
    ]  # fmt: skip


def test_a_summary_without_a_list_is_one_lesson() -> None:
    assert findings(structs.replace(REVIEW, summary=" The lock was held\ntoo long. ")) == [
        "The lock was held\ntoo long."
    ]


@pytest.mark.parametrize("changed", [{"findings_count": 0}, {"summary": None}, {"summary": " \n"}])
def test_a_review_that_found_nothing_or_says_nothing_teaches_nothing(changed: dict[str, object]) -> None:
    assert findings(structs.replace(REVIEW, **changed)) == []


def test_five_lessons_are_the_most_and_what_is_said_twice_is_one() -> None:
    many = "\n".join(f"- finding {number}" for number in range(9))
    assert len(findings(structs.replace(REVIEW, summary=many))) == 5
    twice = structs.replace(REVIEW, summary="- The lock is held.\n- the  LOCK is held")
    assert findings(twice) == ["The lock is held."]


def test_a_draft_names_its_story_its_review_and_nothing_that_the_reviewer_did_not_say() -> None:
    made = draft()
    assert made.title == "Retries multiply (story US-1.2)"
    assert made.body == (
        "Retries multiply. Two layers did.\n\nFound by the team review review of story US-1.2, Log in "
        "(3 found, 2 fixed, 1 disproved)."
    )
    assert (made.status, made.category, made.source_type, made.source_id, made.story_id, made.tags) == (
        "draft", "finding", "review_finding", REVIEW.review_id, STORY, ("review", "team-review"),
    )  # fmt: skip


def test_what_is_found_again_in_another_story_is_added_to_the_draft_and_in_the_same_story_is_nothing() -> None:
    lesson, known = lessons_of(REVIEW, TENANT)[0], draft()
    assert learn(lesson, REVIEW, known) is None
    other = structs.replace(REVIEW, story_id=UUID(int=9), number="2.1", story_title="Log out")
    again = learn(lesson, other, known)
    assert isinstance(again, ArticleUpdated)
    assert str(again.body).endswith("Log out (3 found, 2 fixed, 1 disproved).")
    assert learn(lesson, other, structs.replace(known, body=str(again.body))) is None


@pytest.mark.parametrize("status", ["published", "archived", "superseded"])
def test_what_somebody_has_decided_about_is_left_alone(status: str) -> None:
    lesson, known = lessons_of(REVIEW, TENANT)[0], structs.replace(draft(), status=status)
    assert learn(lesson, structs.replace(REVIEW, story_id=UUID(int=9)), known) is None


@given(st.text(max_size=3000), st.text(min_size=1, max_size=300), st.text(max_size=500))
def test_every_draft_is_an_article_that_could_be_filed(summary: str, kind: str, number: str) -> None:
    review = structs.replace(REVIEW, summary=summary, review_type=kind, number=number, story_title=number)
    for lesson in lessons_of(review, TENANT):
        made, problems = draft(lesson) if review is REVIEW else draft_of(lesson, review), Problems()
        check_title(problems, made.title)
        check_body(problems, made.body)
        assert (problems.found, check_tags(problems, made.tags)) == ({}, tuple(made.tags))
        assert len(made.title) < LONGEST_TITLE
