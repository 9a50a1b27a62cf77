"""An export of the knowledge wiki, read back: a ZIP or a folder of Markdown files with front matter.

The archive may come from anybody: what would grow beyond all bounds is refused before it is unpacked.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from zipfile import BadZipFile, ZipFile

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.reading import read_text
from loopctl.cli.session import Session
from loopctl.cli.stepping import said
from loopctl.client import Refused

MOST_FILES = 6000
LARGEST_FILE = 1_000_000
LARGEST_WHOLE = 200_000_000
"""Bytes, unpacked."""
RELATED = "\n## Related Articles\n\n"
LINKED = re.compile(r"- \[\[([^\n]{1,500})\]\] \(([a-z_]{1,20})\)( <!-- incoming -->)?")
ENCRYPTED = 0x1
CATEGORIES = ("pattern", "convention", "decision", "finding", "reference")


class Article(NamedTuple):
    """``links`` are titles with the type of the link, of those that lead from here."""

    title: str
    body: str
    category: str
    tags: Sequence[str]
    slug: str | None
    links: Sequence[tuple[str, str]]


def read_articles(source: Path) -> Sequence[Article]:
    """By their paths. Raises Stop for what is no export, and for what is too large."""
    texts = dict(_of_folder(source) if source.is_dir() else _of_archive(source))
    heads = {path: _head(path, text) for path, text in texts.items()}
    titles = {head["title"] for head, _ in heads.values()}
    found = [_article(path, *parts, titles) for path, parts in sorted(heads.items())]
    if not found:
        raise Stop(Exit.USAGE, f"There are no articles in {source}.", "They are .md files with title and category")
    return found


def bring_in(asked: Session, articles: Sequence[Article], *, project: str | None, publish: bool) -> dict[str, Any]:
    """How many were filed, were there under their title, and how many links were drawn."""
    active = ("draft", "published")
    known = {each["title"]: each["id"] for each in asked.client.pages("articles") if each["status"] in active}
    created = present = links = 0
    for article in articles:
        if article.title in known:
            present += 1
            continue
        answer = asked.client.post("articles", _body(article, project, publish=publish))
        known[article.title] = answer["data"]["id"]
        created += 1
    for article in articles:
        for title, kind in article.links:
            links += _linked(asked, known[article.title], known.get(title), kind)
    return {"created": created, "present": present, "links": links}


def _body(article: Article, project: str | None, *, publish: bool) -> dict[str, Any]:
    return said(
        title=article.title, body=article.body, category=article.category, tags=list(article.tags), slug=article.slug,
        project_id=project, status="published" if publish else None,
    )  # fmt: skip


def _linked(asked: Session, source: str, target: str | None, kind: str) -> int:
    """One, unless it is there already. What supersedes is not drawn: both are published, so it was taken back."""
    if target is None or kind == "supersedes":
        return 0
    try:
        ends = {"source_article_id": source, "target_article_id": target, "relationship_type": kind}
        asked.client.post("article_links", ends)
    except Refused as refused:
        if "target_article_id" in (refused.error.get("details") or {}):
            return 0
        raise
    return 1


def _of_folder(folder: Path) -> Iterator[tuple[str, str]]:
    files = sorted(file for file in folder.rglob("*.md") if not file.name.startswith(("_", ".")))
    if len(files) > MOST_FILES:
        raise Stop(Exit.USAGE, f"{folder} has more than {MOST_FILES} files.")
    for file in files:
        if file.stat().st_size > LARGEST_FILE:
            raise Stop(Exit.USAGE, f"{file} has more than {LARGEST_FILE} bytes.")
        yield file.relative_to(folder).as_posix(), read_text(file)


def _of_archive(file: Path) -> Iterator[tuple[str, str]]:
    try:
        with ZipFile(file) as archive:
            entries = [each for each in archive.infolist() if not each.is_dir()]
            whole = sum(each.file_size for each in entries)
            if len(entries) > MOST_FILES or whole > LARGEST_WHOLE:
                raise Stop(Exit.USAGE, f"{file} is larger than any export: {len(entries)} files, {whole} bytes.")
            for entry in entries:
                name = PurePosixPath(entry.filename).name
                if not name.endswith(".md") or name.startswith(("_", ".")):
                    continue
                if entry.file_size > LARGEST_FILE or entry.flag_bits & ENCRYPTED:
                    raise Stop(Exit.USAGE, f"{entry.filename} in {file} is too large, or encrypted.")
                with archive.open(entry) as opened:
                    # Not what the archive says of its size, which may be a lie.
                    content = opened.read(LARGEST_FILE + 1)
                if len(content) > LARGEST_FILE:
                    raise Stop(Exit.USAGE, f"{entry.filename} in {file} is larger than it says.")
                yield entry.filename, content.decode("utf-8")
    except (BadZipFile, UnicodeDecodeError, RuntimeError, EOFError) as error:
        raise Stop(Exit.USAGE, f"{file} is no ZIP of Markdown files: {error}.") from None
    except OSError as error:
        raise Stop(Exit.USAGE, f"{file} cannot be read: {error.strerror or error}.") from None


def _head(path: str, text: str) -> tuple[Mapping[str, Any], str]:
    """What stands between the two lines ---, and the text after them."""
    begin, _, rest = text.partition("---\n")
    head, found, body = rest.partition("\n---\n\n")
    if begin or not found:
        raise Stop(Exit.USAGE, f"{path} has no front matter.", "It begins with title and category between lines ---")
    members: dict[str, Any] = {"tags": []}
    under = ""
    for line in head.splitlines():
        if line.startswith("  - "):
            if under == "tags":
                members["tags"].append(line[4:].strip())
            continue
        under, _, value = line.partition(":")
        if value.strip():
            members[under] = _unquoted(value.strip())
    if not members.get("title") or members.get("category") not in CATEGORIES:
        raise Stop(Exit.USAGE, f"{path} has no title, or no category.", f"One of {', '.join(CATEGORIES)}")
    return members, body


def _article(path: str, head: Mapping[str, Any], text: str, titles: set[str]) -> Article:
    body, links = text.removesuffix("\n"), []
    before, found, after = text.rpartition(RELATED)
    lines = after.splitlines()
    matches = [LINKED.fullmatch(line) for line in lines]
    if found and lines and all(each and each[1] in titles for each in matches):
        body = before.removesuffix("\n")
        links = [(each[1], each[2]) for each in matches if each and not each[3]]
    if not body.strip():
        raise Stop(Exit.USAGE, f"{path} has no text.")
    return Article(head["title"], body, head["category"], head["tags"], head.get("slug"), links)


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1].replace("\\\\", "\0").replace('\\"', '"').replace("\0", "\\")
    return value
