"""Linear: the CSV of a workspace or of a view. A project is an epic; what is below another names it as its parent."""

from collections.abc import Sequence

from loopctl.importers.csv_rows import Row, table
from loopctl.importers.items import Item, Problems, Reading, SourceFile, said
from loopctl.importers.markdown import boxes

NAMES = ("*.csv",)
WANTED = ("ID", "Title", "Status")
DONE = ("done", "completed", "closed")
GONE = ("canceled", "cancelled", "duplicate")
KNOWN = frozenset(
    name.lower()
    for name in (
        *WANTED, "Team", "Description", "Estimate", "Priority", "Project", "Project ID", "Creator", "Assignee",
        "Labels", "Cycle Number", "Cycle Name", "Cycle Start", "Cycle End", "Created", "Updated", "Started", "Triaged",
        "Completed", "Canceled", "Archived", "Due Date", "Parent issue", "Project Milestone", "Project Milestone ID",
        "UUID", "Blocked by", "Related to", "Duplicate of",
    )
)  # fmt: skip


def read(files: Sequence[SourceFile]) -> Reading:
    """Raises Unreadable."""
    reading, problems = Reading(), Problems()
    for file in files:
        found = table(problems, file, WANTED)
        reading.no_place.update(found.unread(KNOWN))
        for row in found.rows:
            _read(reading, problems, row)
    problems.raise_any()
    return reading


def _read(reading: Reading, problems: Problems, row: Row) -> None:
    named, title, status = row.one("ID"), row.one("Title"), row.one("Status")
    if not named or not title:
        problems.add(row.place, f"has no {'Title' if named else 'ID'}")
        return
    if status.lower() in GONE or row.one("Canceled"):
        reading.skipped.append(f"{row.place}: {named} is {status}")
        return
    text = row.one("Description")
    reading.items.append(
        Item(
            place=row.place, external_id=named, title=title, description=text, criteria=boxes(text.splitlines()),
            group=row.one("Project") or row.one("Team"), waits_for=row.parts("Blocked by"), status=status,
            claimed_done=bool(row.one("Completed")) or status.lower() in DONE,
            kept=said(
                priority=row.one("Priority"), assignee=row.one("Assignee"), creator=row.one("Creator"),
                labels=row.parts("Labels"), estimate=row.one("Estimate"), cycle=row.one("Cycle Name", "Cycle Number"),
                milestone=row.one("Project Milestone"), parent=row.one("Parent issue"), team=row.one("Team"),
                related=row.parts("Related to"), created_at=row.one("Created"), updated_at=row.one("Updated"),
                closed_at=row.one("Completed"), due_at=row.one("Due Date"),
            ),
        )
    )  # fmt: skip
