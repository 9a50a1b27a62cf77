"""What may become of an article, in every status."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from domain.errors import Forbidden, Invalid, NotFound, Rejected
from domain.event import Event, Recorded, Stream
from domain.knowledge.article import Article, ArticleFields, Holder, NewArticle, evolve_article, slug_of
from domain.knowledge.events import STATUSES, ArticleStatus, ArticleUpdated
from domain.knowledge.links import Ends, NewLink, create_link
from domain.knowledge.workflow import (
    create_article,
    move_article,
    publish_articles,
    retire_article,
    update_article,
)
from tests.api.logs import NOON

ID, OTHER = UUID("0193a2b4-0000-7000-8000-000000000071"), UUID("0193a2b4-0000-7000-8000-0000000000f2")
WISH = NewArticle(title=" Retries ", body="Retry at one place.", category="pattern", tags=("http", "http"))
FREE = Holder("Retries")


def created(wish: NewArticle = WISH, *, may_publish: bool = True) -> Any:
    return create_article(wish, ID, FREE, None, may_publish=may_publish)


def after(event: Event, article: Article | None = None, id_: UUID = ID) -> Article:
    found = evolve_article(article, Recorded(7, Stream("article", id_), 0, NOON, (), event))
    assert found is not None
    return found


def article(status: ArticleStatus = "draft", id_: UUID = ID) -> Article:
    return structs.replace(after(created(), id_=id_), status=status)


def refused(step: Callable[[], object]) -> dict[str, str]:
    """The first problem of each field."""
    with pytest.raises(Invalid) as found:
        step()
    return {name: texts[0] for name, texts in found.value.facts["details"].items()}


def test_an_article_is_a_draft_with_its_title_trimmed_its_tags_once_and_a_slug_of_its_own() -> None:
    made = article()
    assert (made.status, made.title, made.tags) == ("draft", "Retries", ("http",))
    assert made.slug == "retries-000071"


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Don't  Repeat -- It!", "dont-repeat----it-000071"),
        ("?!", "000071"),
        ("é" * 3, "000071"),
        ("A" * 80, "a" * 56 + "-000071"),
    ],
)
def test_a_slug_is_made_of_the_title(title: str, slug: str) -> None:
    assert slug_of(title, ID) == slug


def test_everything_that_is_wrong_with_an_article_is_said_at_once() -> None:
    wish = NewArticle(status="archived", tags=("a b",), slug="-a", source_type="dream", project_is_there=False)
    assert refused(lambda: created(wish)).keys() == {
        "title", "body", "category", "status", "tags", "slug", "source_type", "project_id",
    }  # fmt: skip


def test_a_text_may_have_a_hundred_thousand_characters_and_no_more() -> None:
    assert len(created(structs.replace(WISH, body="x" * 100_000)).body) == 100_000
    longer = structs.replace(WISH, body="x" * 100_001)
    assert refused(lambda: created(longer)) == {"body": "should be at most 100000 character(s)"}


def test_more_than_twenty_tags_and_long_ones_are_refused() -> None:
    many, long = (structs.replace(WISH, tags=tags) for tags in (tuple(map(str, range(21))), ("x" * 101,)))
    assert refused(lambda: created(many)) == {"tags": "must not exceed 20 tags"}
    assert refused(lambda: created(long)) == {"tags": f"tag {'x' * 101} exceeds maximum length of 100"}


def test_an_agent_files_drafts_and_nothing_else() -> None:
    with pytest.raises(Forbidden) as refused:
        created(structs.replace(WISH, status="published"), may_publish=False)
    assert refused.value.code == "publishing_forbidden"
    assert created(structs.replace(WISH, status="published")).status == "published"


def test_a_title_that_another_draft_or_published_article_has_is_refused_under_both_names() -> None:
    taken = Holder("Retries", OTHER)
    assert refused(lambda: create_article(WISH, ID, taken, None, may_publish=True)) == {
        "title": "has already been taken by an article that is a draft or published",
        "tenant_id": "has already been taken for this tenant",
    }


def test_a_slug_that_is_taken_is_refused() -> None:
    wish, taken = structs.replace(WISH, slug="mine"), Holder("mine", OTHER)
    assert refused(lambda: create_article(wish, ID, FREE, taken, may_publish=True)) == {
        "slug": "has already been taken"
    }


ALLOWED = {
    ("draft", "published"), ("published", "draft"), ("draft", "archived"), ("published", "archived"),
    ("superseded", "draft"),
}  # fmt: skip


@pytest.mark.parametrize("before", STATUSES)
@pytest.mark.parametrize("to", STATUSES)
def test_a_status_is_left_only_by_the_steps_of_the_table_whoever_asks(before: Any, to: Any) -> None:
    """By PATCH as by the routes of their own."""
    steps: list[Any] = [lambda: update_article(article(before), ArticleFields(status=to), None)[0]]
    if to != "superseded":
        steps.append(lambda: move_article(article(before), to))
    for step in steps:
        if (before, to) in ALLOWED:
            assert after(step(), article(before)).status == to
        elif step is steps[0] and before == to:
            assert update_article(article(before), ArticleFields(status=to), None) == ()
        else:
            with pytest.raises(Rejected, match=f"Cannot transition from {before} to {to}"):
                step()


@pytest.mark.parametrize("before", STATUSES)
def test_an_article_is_retired_from_wherever_it_is_and_once(before: Any) -> None:
    events = retire_article(article(before))
    assert len(events) == (before != "archived")
    assert all(after(event, article(before)).status == "archived" for event in events)


def test_what_changes_is_said_and_what_is_said_again_is_nothing() -> None:
    (event,) = update_article(article(), ArticleFields(title="Other", tags=["b"]), Holder("Other"))
    assert isinstance(event, ArticleUpdated)
    assert (event.changed_fields, event.title_was) == (("title", "tags"), "Retries")
    changed = after(event, article())
    assert (changed.title, changed.tags, changed.body) == ("Other", ("b",), "Retry at one place.")
    assert update_article(changed, ArticleFields(title="Other", category="pattern"), Holder("Other", ID)) == ()


def test_a_blank_title_and_one_that_is_taken_are_refused_in_a_change_too() -> None:
    blank, other = ArticleFields(title=" "), ArticleFields(title="Other")
    assert refused(lambda: update_article(article(), blank, Holder(""))) == {"title": "can't be blank"}
    assert "title" in refused(lambda: update_article(article(), other, Holder("Other", OTHER)))


def test_drafts_are_published_together_or_not_at_all() -> None:
    both = [article(), article(id_=OTHER)]
    assert len(publish_articles([ID, OTHER], both)) == 2
    with pytest.raises(Rejected, match=f"Article {OTHER} is in status archived, expected draft"):
        publish_articles([ID, OTHER], [article(), article("archived", OTHER)])
    with pytest.raises(NotFound):
        publish_articles([ID, OTHER], [article(), None])
    twice = [article(), article()]
    assert refused(lambda: publish_articles([ID, ID], twice)) == {"article_ids": "names an article twice"}


LINK = NewLink(source_article_id=ID, target_article_id=OTHER, relationship_type="supersedes")


def test_what_supersedes_retires_its_target_and_takes_more_than_an_agent() -> None:
    created, retired = create_link(LINK, Ends(article(), article("published", OTHER), None), may_supersede=True)
    assert (created.relationship_type, [each.status_was for each in retired]) == ("supersedes", ["published"])
    with pytest.raises(Forbidden):
        create_link(LINK, Ends(article(), article("published", OTHER), None), may_supersede=False)


@pytest.mark.parametrize("status", ["superseded", "archived"])
def test_what_is_superseded_itself_supersedes_nothing(status: Any) -> None:
    """Or two articles would retire each other."""
    with pytest.raises(Rejected, match=f"is {status} itself"):
        create_link(LINK, Ends(article(status), article(id_=OTHER), None), may_supersede=True)


def test_a_link_has_two_ends_that_are_there_and_is_drawn_once() -> None:
    there, none = Ends(article(), article(), None), Ends(None, None, None)
    absent = dict.fromkeys(("source_article_id", "target_article_id"), "does not exist in this tenant")
    assert refused(lambda: create_link(LINK, none, may_supersede=True)) == absent
    itself = structs.replace(LINK, target_article_id=ID)
    told = {"target_article_id": "cannot link an article to itself"}
    assert refused(lambda: create_link(itself, there, may_supersede=True)) == told
    unknown = structs.replace(LINK, relationship_type="likes")
    assert "relationship_type" in refused(lambda: create_link(unknown, there, may_supersede=True))
