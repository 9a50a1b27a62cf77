"""The articles that come with the server: what it is, and what its refusals mean (spec 03, section 15)."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import Struct

from api.web.markdown import to_html

HERE = Path(__file__).parent / "articles"
WRITTEN = "2026-11-30T00:00:00.000000Z"
CATEGORY = "reference"


class SystemArticle(Struct, frozen=True):
    """``body`` is Markdown, and begins with the title."""

    slug: str
    title: str
    body: str

    category: str = CATEGORY

    @property
    def summary(self) -> str:
        """Its first sentence, without marks."""
        paragraph = next(
            (each for each in self.body.split("\n\n")[1:] if each[0] not in "#|->" and each[:3] != "```"), ""
        )
        paragraph = paragraph.removeprefix("**Cause.** ")
        return to_html(paragraph).striptags().partition(". ")[0].rstrip(".:") + "."

    @property
    def of_refusal(self) -> bool:
        """What a code of refusal means: its title begins with a status."""
        return self.title[:3].isdigit()

    @property
    def id(self) -> UUID:
        """The same on every server."""
        return uuid5(NAMESPACE_URL, f"https://loopctl.com/wiki/{self.slug}")


@cache
def shipped() -> Mapping[str, SystemArticle]:
    """By slug, in the order of their titles."""
    found = [_read(file) for file in HERE.glob("*.md")]
    return {each.slug: each for each in sorted(found, key=lambda each: each.title.casefold())}


def search(text: str) -> Sequence[SystemArticle]:
    """Those with the text in title or body, in any case; all for nothing."""
    wanted = text.strip().casefold()
    return [each for each in shipped().values() if wanted in each.title.casefold() or wanted in each.body.casefold()]


def system_body(article: SystemArticle) -> dict[str, Any]:
    return {
        "id": article.id,
        "title": article.title,
        "slug": article.slug,
        "body": article.body,
        "category": CATEGORY,
        "scope": "system",
        "status": "published",
        "tags": [],
        "inserted_at": WRITTEN,
        "updated_at": WRITTEN,
    }


def _read(file: Path) -> SystemArticle:
    body = file.read_text("utf-8")
    return SystemArticle(file.stem, body.partition("\n")[0].removeprefix("# "), body)
