"""beads: `.beads/issues.jsonl` (or beads.jsonl), one issue on each line.

`blocks` makes one wait for the other, `parent-child` puts it into its epic; every other kind only relates two.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from loopctl.importers.items import Criterion, Item, Problems, Reading, SourceFile, said, text_of, texts_of
from loopctl.importers.json_lines import lines
from loopctl.importers.markdown import boxes

NAMES = ("*.jsonl",)
DONE = ("closed",)
GONE = ("tombstone",)
READ_HERE = frozenset((
    "id", "title", "description", "design", "acceptance_criteria", "notes", "status", "priority", "issue_type",
    "assignee", "estimated_minutes", "created_at", "created_by", "updated_at", "closed_at", "close_reason",
    "external_ref", "labels", "dependencies", "comments", "owner", "due_at", "defer_until", "source_repo",
))  # fmt: skip
TEXTS = (("design", "Design"), ("notes", "Notes"))


def read(files: Sequence[SourceFile]) -> Reading:
    """Raises Unreadable."""
    reading, problems = Reading(), Problems()
    for file in files:
        for place, issue in lines(problems, file):
            _read(reading, problems, place, issue)
    problems.raise_any()
    return reading


def _read(reading: Reading, problems: Problems, place: str, issue: Mapping[str, Any]) -> None:
    external_id, title = text_of(issue.get("id")), text_of(issue.get("title"))
    status = text_of(issue.get("status"))
    if status in GONE:
        reading.skipped.append(f"{place}: {external_id} was deleted")
        return
    if not external_id or not title:
        problems.add(place, f"has no {'title' if external_id else 'id'}")
        return
    parents, blockers, related = _dependencies(problems, place, external_id, issue.get("dependencies"))
    reading.no_place.update(name for name in issue if name not in READ_HERE)
    minutes = issue.get("estimated_minutes")
    reading.items.append(
        Item(
            place=place, external_id=external_id, title=title, is_epic=text_of(issue.get("issue_type")) == "epic",
            description=_description(issue), criteria=_criteria(text_of(issue.get("acceptance_criteria"))),
            epic=parents[0] if parents else "", waits_for=blockers, status=status, claimed_done=status in DONE,
            hours=minutes / 60 if isinstance(minutes, int | float) and minutes > 0 else None,
            kept=said(
                priority=issue.get("priority"), type=text_of(issue.get("issue_type")), related=related,
                assignee=text_of(issue.get("assignee")), labels=texts_of(issue.get("labels")),
                created_by=text_of(issue.get("created_by")), close_reason=text_of(issue.get("close_reason")),
                external_ref=text_of(issue.get("external_ref")), comments=_comments(issue.get("comments")),
                owner=text_of(issue.get("owner")), source_repo=text_of(issue.get("source_repo")),
                **{name: text_of(issue.get(name)) for name in TIMES},
            ),
        )
    )  # fmt: skip


TIMES = ("created_at", "updated_at", "closed_at", "due_at", "defer_until")


def _dependencies(problems: Problems, place: str, own: str, given: Any) -> tuple[list[str], list[str], list[Any]]:
    """Parents, what it waits for, and everything else."""
    parents, blockers, related = [], [], []
    for each in given if isinstance(given, list) else []:
        other = text_of(each.get("depends_on_id")) if isinstance(each, dict) else ""
        if not other:
            problems.add(place, "has a dependency without depends_on_id")
        elif (kind := text_of(each.get("type")) or "blocks") == "parent-child":
            parents.append(other)
        elif kind == "blocks":
            blockers.append(other)
        elif other != own:
            related.append({"type": kind, "id": other})
    return parents, blockers, related


def _description(issue: Mapping[str, Any]) -> str:
    parts = [text_of(issue.get("description"))]
    parts += [f"## {title}\n\n{text}" for name, title in TEXTS if (text := text_of(issue.get(name)))]
    return "\n\n".join(filter(None, parts))


def _criteria(text: str) -> Sequence[Criterion]:
    """Boxes where it has any, else each line; a sentence is one."""
    rows = text.splitlines()
    return boxes(rows) or [
        Criterion(row) for each in rows if (row := each.strip().removeprefix("- ").strip("* ").strip())
    ]


def _comments(given: Any) -> list[dict[str, str]]:
    return [
        said(author=text_of(each.get("author")), at=text_of(each.get("created_at")), text=text_of(each.get("text")))
        for each in (given if isinstance(given, list) else [])
        if isinstance(each, dict)
    ]
