"""A wiki as Markdown files that Obsidian opens, and back (spec 03, section 8)."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct, structs

MOST_EXPORTED = 5000
INDEX = "_index.md"
RELATED = "## Related Articles"
BACKLINK = "<!-- incoming -->"
KEPT = re.compile(r"[^\w\s-]")
BLANKS = re.compile(r"\s+")
DASHES = re.compile(r"-{2,}")
UNTITLED = "untitled"
NUMBER_FROM = 2


class Exported(Struct, frozen=True, kw_only=True):
    """``related`` are titles with the type of the link, ``backlinks`` those of links that lead here."""

    article_id: UUID
    title: str
    body: str
    category: str
    tags: Sequence[str]
    slug: str | None
    source_type: str | None
    created_at: datetime
    updated_at: datetime
    related: Sequence[tuple[str, str]] = ()
    backlinks: Sequence[tuple[str, str]] = ()


def slugify(title: str) -> str:
    """Letters and digits of any script; what stands between words is a dash."""
    kept = KEPT.sub("", title.lower())
    return DASHES.sub("-", BLANKS.sub("-", kept)).strip("-") or UNTITLED


def files_of(articles: Sequence[Exported]) -> Iterator[tuple[str, str]]:
    """Paths and texts, the index first. Two articles whose names would be one are numbered, in their order."""
    yield INDEX, index_of(articles)
    taken: dict[str, int] = {}
    for article in articles:
        path = f"{article.category}/{slugify(article.title)[:150]}"
        taken[path.casefold()] = number = taken.get(path.casefold(), 0) + 1
        yield f"{path}{f'-{number}' if number >= NUMBER_FROM else ''}.md", text_of(article)


def text_of(article: Exported) -> str:
    tags = ["tags:", *(f"  - {tag}" for tag in article.tags)] if article.tags else []
    source = [f"source_type: {article.source_type}"] if article.source_type else []
    slug = [f"slug: {article.slug}"] if article.slug else []
    head = [
        "---", f"title: {_quoted(article.title)}", f"category: {article.category}", *tags, "status: published",
        *source, f'created_at: "{_time(article.created_at)}"', f'updated_at: "{_time(article.updated_at)}"', *slug,
        "aliases:", f"  - {_quoted(article.title)}", "---",
    ]  # fmt: skip
    related = [f"- [[{title}]] ({kind})" for title, kind in dict.fromkeys(article.related)]
    # A comment, which no reader shows and an import needs: of which end the link is.
    related += [f"- [[{title}]] ({kind}) {BACKLINK}" for title, kind in dict.fromkeys(article.backlinks)]
    end = ["", RELATED, "", *related] if related else []
    return "\n".join([*head, "", article.body, *end, ""])


def index_of(articles: Sequence[Exported]) -> str:
    by: dict[str, list[str]] = {}
    for article in articles:
        by.setdefault(article.category, []).append(article.title)
    lines = ["# Knowledge Base Index"]
    for category in sorted(by):
        lines += ["", f"## {category.capitalize()}", "", *(f"- [[{title}]]" for title in sorted(by[category]))]
    return "\n".join([*lines, ""])


def linked(
    articles: Sequence[Exported], links: Sequence[tuple[UUID, UUID, str]]
) -> Sequence[Exported]:  # fmt: skip
    """``links`` are source, target and type; those with an end that is not exported are left out."""
    titles = {each.article_id: each.title for each in articles}
    outgoing: dict[UUID, list[tuple[str, str]]] = {id_: [] for id_ in titles}
    incoming: dict[UUID, list[tuple[str, str]]] = {id_: [] for id_ in titles}
    for source, target, kind in links:
        if source in titles and target in titles:
            outgoing[source].append((titles[target], kind))
            incoming[target].append((titles[source], kind))
    return [
        structs.replace(
            each, related=sorted(outgoing[each.article_id]), backlinks=sorted(incoming[each.article_id])
        )
        for each in articles
    ]  # fmt: skip


def _quoted(text: str) -> str:
    said = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ").replace("\r", " ")
    return f'"{said}"'


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
