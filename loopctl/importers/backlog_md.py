"""Backlog.md: a directory with `tasks/task-12 - Title.md`, front matter and sections, and completed ones beside."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from loopctl.importers.items import Item, Problems, Reading, SourceFile, said, text_of, texts_of
from loopctl.importers.markdown import Section, boxes, front_matter, sections, without_comments

NAMES = ("*.md",)
NAMED = re.compile(r"([A-Za-z][A-Za-z0-9_]{0,31}-[0-9]+(?:\.[0-9]+)*)(?: - (.*))?\.md")
DONE = ("done", "completed", "closed")
LEFT_OUT = ("archive", "drafts", "docs", "decisions", "milestones")
"""Directories beside the tasks."""
CRITERIA = ("acceptance criteria", "definition of done")
READ_HERE = frozenset((
    "id", "title", "status", "assignee", "reporter", "created_date", "updated_date", "completed_date", "labels",
    "milestone", "dependencies", "parent_task_id", "parent", "subtasks", "priority", "ordinal", "references",
    "documentation", "type",
))  # fmt: skip


def read(files: Sequence[SourceFile]) -> Reading:
    """Raises Unreadable."""
    reading, problems = Reading(), Problems()
    for file in files:
        folders, _, name = file.name.rpartition("/")
        outside = next((each for each in folders.split("/") if each in LEFT_OUT), "")
        if not (named := NAMED.fullmatch(name)):
            continue
        if outside:
            reading.skipped.append(f"{file.name}: in {outside}")
            continue
        _read(reading, problems, file, named[1], named[2] or "")
    if not reading.items and not problems.found:
        problems.add("backlog", "has no tasks in it: files such as tasks/task-1 - Title.md")
    problems.raise_any()
    return reading


def _read(reading: Reading, problems: Problems, file: SourceFile, named: str, called: str) -> None:
    known = len(problems.found)
    members, rows, before = front_matter(problems, file.name, file.text)
    if len(problems.found) > known:
        return
    parts = sections(rows, before)
    title = text_of(members.get("title")) or called.replace("-", " ").strip()
    if not title:
        problems.add(file.name, "has no title")
        return
    status = text_of(members.get("status"))
    reading.no_place.update(name for name in members if name not in READ_HERE)
    criteria = [box for part in parts if part.title.lower() in CRITERIA for box in boxes(part.lines)]
    reading.items.append(
        Item(
            place=file.name, external_id=_same(text_of(members.get("id")) or named), title=title,
            description=_description(parts), criteria=criteria, group=text_of(members.get("milestone")),
            waits_for=[_same(each) for each in texts_of(members.get("dependencies"))], status=status,
            claimed_done=status.lower() in DONE or "completed" in file.name.split("/")[:-1],
            kept=said(
                priority=text_of(members.get("priority")), assignee=texts_of(members.get("assignee")),
                labels=texts_of(members.get("labels")), created_at=text_of(members.get("created_date")),
                updated_at=text_of(members.get("updated_date")), closed_at=text_of(members.get("completed_date")),
                reporter=text_of(members.get("reporter")), parent=_parent(members),
                references=[*texts_of(members.get("references")), *texts_of(members.get("documentation"))],
            ),
        )
    )  # fmt: skip


def _same(name: str) -> str:
    """Files are task-7, their members TASK-7."""
    return name.lower()


def _parent(members: Mapping[str, Any]) -> str:
    return _same(text_of(members.get("parent_task_id")) or text_of(members.get("parent")))


def _description(parts: Sequence[Section]) -> str:
    """The description as it is; every other section with its heading, but for the criteria."""
    found = []
    for part in parts:
        text = without_comments(part.text)
        if text and part.title.lower() not in CRITERIA:
            plain = part.level == 0 or part.title.lower() == "description"
            found.append(text if plain else f"{'#' * max(part.level, 2)} {part.title}\n\n{text}")
    return "\n\n".join(found)
