"""Plane: the CSV of a project. A module is an epic."""

from collections.abc import Sequence

from loopctl.importers.csv_rows import Row, table
from loopctl.importers.items import Item, Problems, Reading, SourceFile, said
from loopctl.importers.markdown import boxes

NAMES = ("*.csv",)
WANTED = ("ID", "Name", "State")
DONE = ("done", "completed", "closed")
GONE = ("cancelled", "canceled")
KNOWN = frozenset(
    name.lower()
    for name in (
        *WANTED, "Description", "Start Date", "Target Date", "Priority", "Created By", "Assignee", "Assignees",
        "Labels", "Cycle Name", "Cycle Start Date", "Cycle End Date", "Module Name", "Module Start Date",
        "Module Target Date", "Created At", "Updated At", "Completed At", "Archived At", "Project", "Parent",
        "Blocked by", "Estimate",
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
    named, title, state = row.one("ID"), row.one("Name"), row.one("State")
    if not named or not title:
        problems.add(row.place, f"has no {'Name' if named else 'ID'}")
        return
    if state.lower() in GONE:
        reading.skipped.append(f"{row.place}: {named} is {state}")
        return
    text = row.one("Description")
    reading.items.append(
        Item(
            place=row.place, external_id=named, title=title, description=text, criteria=boxes(text.splitlines()),
            group=row.parts("Module Name")[0] if row.parts("Module Name") else "", waits_for=row.parts("Blocked by"),
            status=state, claimed_done=bool(row.one("Completed At")) or state.lower() in DONE,
            kept=said(
                priority=row.one("Priority"), assignees=row.parts("Assignee", "Assignees"), labels=row.parts("Labels"),
                created_by=row.one("Created By"), cycle=row.one("Cycle Name"), modules=row.parts("Module Name")[1:],
                parent=row.one("Parent"), estimate=row.one("Estimate"), created_at=row.one("Created At"),
                updated_at=row.one("Updated At"), closed_at=row.one("Completed At"), start_at=row.one("Start Date"),
                due_at=row.one("Target Date"),
            ),
        )
    )  # fmt: skip
