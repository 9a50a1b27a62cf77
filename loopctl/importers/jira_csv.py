"""Jira: an export as CSV, all fields or the current ones."""

from collections.abc import Sequence

from loopctl.importers.csv_rows import Row, table
from loopctl.importers.items import Criterion, Item, Problems, Reading, SourceFile, said
from loopctl.importers.markdown import boxes

NAMES = ("*.csv",)
WANTED = ("Summary", "Issue key")
DONE = ("done", "closed", "resolved", "released")
GONE = ("won't do", "won't fix", "duplicate", "cannot reproduce", "declined", "incomplete")
"""Resolutions."""
EPIC = ("Parent key", "Custom field (Epic Link)", "Epic Link", "Custom field (Parent Link)")
PARENT = ("Parent", "Parent id")
"""Hold a key in newer exports, and the number of the issue in older ones."""
CRITERIA = ("Custom field (Acceptance Criteria)", "Acceptance Criteria")
KNOWN = frozenset(
    name.lower()
    for name in (
        *WANTED, *EPIC, *PARENT, *CRITERIA, "Issue id", "Issue Type", "Status", "Status Category", "Resolution",
        "Priority", "Assignee", "Reporter", "Creator", "Created", "Updated", "Resolved", "Due date", "Description",
        "Labels", "Component/s", "Components", "Fix Version/s", "Fix versions", "Sprint", "Comment",
        "Original Estimate", "Original estimate", "Custom field (Story Points)", "Custom field (Story point estimate)",
        "Inward issue link (Blocks)", "Outward issue link (Blocks)", "Custom field (Epic Name)", "Project key",
        "Project name", "Project type", "Assignee Id", "Reporter Id", "Creator Id", "Parent summary", "Issue color",
    )
)  # fmt: skip


def read(files: Sequence[SourceFile]) -> Reading:
    """Raises Unreadable."""
    reading, problems = Reading(), Problems()
    for file in files:
        found = table(problems, file, WANTED)
        reading.no_place.update(found.unread(KNOWN))
        keys = {row.one("Issue id"): row.one("Issue key") for row in found.rows if row.one("Issue id")}
        blocked: dict[str, list[str]] = {}
        for row in found.rows:
            for other in row.all("Outward issue link (Blocks)"):
                blocked.setdefault(other, []).append(row.one("Issue key"))
        for row in found.rows:
            _read(reading, problems, row, keys, blocked)
    problems.raise_any()
    return reading


def _read(reading: Reading, problems: Problems, row: Row, keys: dict[str, str], blocked: dict[str, list[str]]) -> None:
    key, title = row.one("Issue key"), row.one("Summary", "Custom field (Epic Name)")
    if not key or not title:
        problems.add(row.place, f"has no {'Summary' if key else 'Issue key'}")
        return
    status, resolution = row.one("Status"), row.one("Resolution")
    if resolution.lower() in GONE:
        reading.skipped.append(f"{row.place}: {key} was resolved as {resolution}")
        return
    epic = row.one(*EPIC) or keys.get(row.one(*PARENT), row.one(*PARENT))
    waits = dict.fromkeys((*row.all("Inward issue link (Blocks)"), *blocked.get(key, ())))
    seconds, criteria = row.one("Original Estimate"), row.one(*CRITERIA)
    lines = [line.strip(" *-#") for line in criteria.splitlines()]
    reading.items.append(
        Item(
            place=row.place, external_id=key, title=title, is_epic=row.one("Issue Type").lower() == "epic",
            description=row.one("Description"),
            criteria=boxes(criteria.splitlines()) or [Criterion(line) for line in lines if line],
            epic=epic, waits_for=[each for each in waits if each != key], status=status,
            claimed_done=status.lower() in DONE or row.one("Status Category").lower() == "done"
            or bool(row.one("Resolved")),
            hours=int(seconds) / 3600 if seconds.isascii() and seconds.isdigit() and len(seconds) < 10 else None,
            kept=_kept(row),
        )
    )  # fmt: skip


def _kept(row: Row) -> dict[str, object]:
    return said(
        type=row.one("Issue Type"), priority=row.one("Priority"), assignee=row.one("Assignee"),
        reporter=row.one("Reporter"), labels=row.all("Labels"), components=row.all("Component/s", "Components"),
        fix_versions=row.all("Fix Version/s", "Fix versions"), sprints=row.all("Sprint"), created_at=row.one("Created"),
        updated_at=row.one("Updated"), closed_at=row.one("Resolved"), due_at=row.one("Due date"),
        resolution=row.one("Resolution"), comments=[{"text": each} for each in row.all("Comment")],
        points=row.one("Custom field (Story Points)", "Custom field (Story point estimate)"),
    )  # fmt: skip
