"""GitHub: issues as `gh issue list --json …` or the REST API writes them. A milestone is an epic; boxes are criteria;
"Blocked by #12" and "Depends on #12" make one wait for the other."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loopctl.importers.items import Item, Problems, Reading, SourceFile, said, text_of
from loopctl.importers.json_lines import document
from loopctl.importers.markdown import boxes

NAMES = ("*.json",)
WAITS = re.compile(r"(?:blocked by|depends on)[ \t:]{1,4}((?:#[0-9]{1,9}[ \t,]{0,3}){1,50})", re.IGNORECASE)
NUMBER = re.compile(r"#([0-9]{1,9})")
NOT_DONE = ("not_planned", "duplicate")
READ_HERE = frozenset((
    "number", "title", "body", "state", "stateReason", "state_reason", "labels", "assignees", "assignee", "milestone",
    "createdAt", "created_at", "updatedAt", "updated_at", "closedAt", "closed_at", "comments", "url", "html_url",
    "author", "user", "id", "node_id", "pull_request", "type",
))  # fmt: skip
OF_THE_API = re.compile(
    r".*_url|reactions|reactionGroups|locked|active_lock_reason|author_association|performed_via_.*"
)
"""Members that say nothing of the work."""


def read(files: Sequence[SourceFile]) -> Reading:
    """Raises Unreadable."""
    reading, problems = Reading(), Problems()
    for file in files:
        for place, issue in _issues(problems, file):
            _read(reading, problems, place, issue)
    problems.raise_any()
    return reading


def _issues(problems: Problems, file: SourceFile) -> Iterator[tuple[str, Any]]:
    found = document(problems, file)
    if isinstance(found, dict) and isinstance(found.get("items"), list):
        found = found["items"]  # a search
    if isinstance(found, list):
        flat = [each for part in found for each in (part if isinstance(part, list) else [part])]  # pages, slurped
        yield from ((f"{file.name}: [{row}]", each) for row, each in enumerate(flat))
    elif found is not None:
        problems.add(file.name, "is no list of issues: gh issue list --state all --limit 1000 --json number,title,…")


def _read(reading: Reading, problems: Problems, place: str, issue: Any) -> None:
    number = text_of(issue.get("number")) if isinstance(issue, dict) else ""
    title = text_of(issue.get("title")) if isinstance(issue, dict) else ""
    if not number or not title:
        problems.add(place, "is no issue with number and title")
        return
    if issue.get("pull_request"):
        reading.skipped.append(f"{place}: #{number} is a pull request")
        return
    state, reason = text_of(issue.get("state")).lower(), _either(issue, "stateReason", "state_reason").lower()
    if state == "closed" and reason in NOT_DONE:
        reading.skipped.append(f"{place}: #{number} was closed as {reason}")
        return
    body = text_of(issue.get("body")).replace("\r\n", "\n")
    reading.no_place.update(name for name in issue if name not in READ_HERE and not OF_THE_API.fullmatch(name))
    reading.items.append(
        Item(
            place=place, external_id=f"#{number}", title=title, description=body, criteria=boxes(body.splitlines()),
            group=_name(issue.get("milestone"), "title"), waits_for=_waits(body, number), status=state,
            claimed_done=state == "closed", kept=_kept(issue),
        )
    )  # fmt: skip


def _kept(issue: Mapping[str, Any]) -> dict[str, Any]:
    return said(
        labels=_names(issue.get("labels"), "name"), assignees=_names(issue.get("assignees"), "login"),
        author=_name(issue.get("author") or issue.get("user"), "login"), url=_either(issue, "html_url", "url"),
        created_at=_either(issue, "createdAt", "created_at"), updated_at=_either(issue, "updatedAt", "updated_at"),
        closed_at=_either(issue, "closedAt", "closed_at"), comments=_comments(issue.get("comments")),
    )  # fmt: skip


def _waits(body: str, own: str) -> list[str]:
    found = [number for match in WAITS.finditer(body) for number in NUMBER.findall(match[1])]
    return [f"#{number}" for number in dict.fromkeys(found) if number != own]


def _comments(given: Any) -> list[dict[str, str]]:
    """The REST API says only how many."""
    return [
        said(
            author=_name(each.get("author") or each.get("user"), "login"),
            at=_either(each, "createdAt", "created_at"), text=text_of(each.get("body")),
        )
        for each in (given if isinstance(given, list) else [])
        if isinstance(each, dict)
    ]  # fmt: skip


def _either(of: Mapping[str, Any], *names: str) -> str:
    return next((text for name in names if (text := text_of(of.get(name)))), "")


def _name(given: Any, member: str) -> str:
    return text_of(given.get(member)) if isinstance(given, dict) else text_of(given)


def _names(given: Any, member: str) -> list[str]:
    return [name for each in (given if isinstance(given, list) else []) if (name := _name(each, member))]
