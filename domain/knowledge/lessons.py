"""What a review teaches: its findings in its own words, as drafts that somebody has to publish (spec 03, section 12.1).

Extractive: nothing is said that the reviewer has not said. A review that found nothing teaches nothing.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID, uuid5

import msgspec
from msgspec import UNSET, Struct, structs

from domain.event import JsonText
from domain.knowledge.article import LONGEST_TAG, REVIEW, TAG, Article
from domain.knowledge.events import LONGEST_BODY, ArticleCreated, ArticleUpdated

MOST_LESSONS = 5
"""Of one review."""
LONGEST_HEADING = 120
LONGEST_NUMBER = 40
MARKER = re.compile(r"(?:[-*+\u2022]|[0-9]{1,3}[.)])[ \t]+")
"""At the beginning of a line that is one of a list."""
FOUND_IN = "\n\nFound by the "
AGAIN = "\nFound again by the "

Outcome = Literal["learned", "nothing", "switched_off", "failed"]


class Reviewed(Struct, frozen=True, kw_only=True):
    """A review, and the story that it is of."""

    review_id: UUID
    position: int
    review_type: str
    findings_count: int
    fixes_count: int
    disproved_count: int
    summary: str | None
    story_id: UUID
    project_id: UUID
    number: str
    story_title: str
    completed_at: datetime

    @property
    def source(self) -> str:
        """A line of an article, which names the story."""
        counts = f"{self.findings_count} found, {self.fixes_count} fixed, {self.disproved_count} disproved"
        return f"{self.review_type} review of story {self.number}, {self.story_title} ({counts})."


class Lesson(Struct, frozen=True):
    """``article_id`` follows from what was found, whatever the blanks and the case: said again, it is the same."""

    article_id: UUID
    finding: str


def lessons_of(review: Reviewed, tenant_id: UUID) -> Sequence[Lesson]:
    """Of a list in the summary its lines, else the summary as a whole."""
    if not review.findings_count or not review.summary or not review.summary.strip():
        return ()
    listed = _listed(review.summary)
    found = {_identity(tenant_id, text): text for text in reversed(listed or [review.summary.strip()])}
    return [Lesson(id_, text) for id_, text in reversed(found.items())][:MOST_LESSONS]


def learn(lesson: Lesson, review: Reviewed, known: Article | None) -> ArticleCreated | ArticleUpdated | None:
    """A draft; of a draft that is there, one that names this story, too. Nothing of what was published, retired, or
    learned of this story before."""
    if known is None:
        return draft_of(lesson, review)
    if known.status != "draft" or known.source_type != REVIEW or _names(known, review):
        return None
    body = known.body + AGAIN + review.source
    if len(body) > LONGEST_BODY:
        return None
    return ArticleUpdated(
        title=known.title, category=known.category, status=known.status, project_id=known.project_id, tags=known.tags,
        changed_fields=("body",), title_was=known.title, status_was=known.status, body=body, metadata=UNSET,
    )  # fmt: skip


def draft_of(lesson: Lesson, review: Reviewed) -> ArticleCreated:
    number = review.number[:LONGEST_NUMBER]
    text = lesson.finding[: LONGEST_BODY // 2]
    return ArticleCreated(
        title=f"{_heading(lesson.finding)} (story {number})", body=text + FOUND_IN + review.source,
        category="finding", status="draft", project_id=review.project_id, tags=_tags(review), slug=None,
        source_type=REVIEW, source_id=review.review_id, story_id=review.story_id,
        metadata=JsonText(msgspec.json.encode({"extraction_source": "extractive"}).decode()),
    )  # fmt: skip


def with_own_title(draft: ArticleCreated, article_id: UUID) -> ArticleCreated:
    """For a title that another article has."""
    return structs.replace(draft, title=f"{draft.title} {article_id.hex[-6:]}")


def _listed(summary: str) -> list[str]:
    """Texts of the list's lines, with what belongs to each on lines below it."""
    found: list[str] = []
    for line in summary.splitlines():
        text = line.strip()
        marker = MARKER.match(text)
        if marker:
            found.append(text[marker.end() :].strip())
        elif found and text and line[:1].isspace():
            found[-1] += f" {text}"
    return [text for text in found if text]


def _identity(tenant_id: UUID, text: str) -> UUID:
    said = " ".join(text.casefold().split()).strip(".!;: ")
    return uuid5(tenant_id, f"lesson:{sha256(said.encode()).hexdigest()}")


def _heading(finding: str) -> str:
    """The first sentence, or as much of it as is short."""
    line = " ".join(finding.split())
    sentence, stop, _ = line.partition(". ")
    heading = sentence.rstrip(".") if stop or len(line) <= LONGEST_HEADING else line
    if len(heading) <= LONGEST_HEADING:
        return heading
    return heading[: LONGEST_HEADING - 1].rstrip() + "\u2026"


def _tags(review: Reviewed) -> tuple[str, ...]:
    kind = "-".join(review.review_type.split())[:LONGEST_TAG]
    return ("review", kind) if TAG.fullmatch(kind) and kind != "review" else ("review",)


def _names(article: Article, review: Reviewed) -> bool:
    return article.story_id == review.story_id or f"review of story {review.number}," in article.body
