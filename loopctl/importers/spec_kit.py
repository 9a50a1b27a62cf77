"""spec-kit: `specs/NNN-name/tasks.md`. A phase is an epic, a task a story; a task without [P] waits for the one
without [P] before it in its phase."""

import re
from collections.abc import Sequence

from msgspec import Struct

from loopctl.importers.items import Item, Problems, Reading, SourceFile, said
from loopctl.importers.markdown import BOX, Section, outside_fences, sections

NAMES = ("tasks.md",)
TASK = re.compile(r"(?:\*\*)?(T[0-9]{1,6}[a-z]?)(?:\*\*)?:?[ \t]*(\S.*)?")
MARK = re.compile(r"\[([A-Za-z][A-Za-z0-9]{0,15})\][ \t]*(\S.*)?")
PHASE = re.compile(r"Phase ([0-9]{1,4}(?:\.[0-9]{1,4})?)\s*[:.\u2013\u2014-]?\s*(.*)", re.IGNORECASE)
PARALLEL = "P"


def read(files: Sequence[SourceFile]) -> Reading:
    """Raises Unreadable."""
    reading, problems = Reading(), Problems()
    for file in files:
        feature = file.name.rpartition("/")[0].rpartition("/")[2]
        of_file, phase = _Tasks(reading, file.name, feature, {}), ""
        for section in sections(file.text.splitlines()):
            phase = section.title if PHASE.fullmatch(section.title) or section.level <= 2 else phase
            of_file.add(phase or section.title, section)
    if not reading.items and not problems.found:
        problems.add("spec-kit", "has no tasks in it: lines such as - [ ] T001 Set up, in specs/001-name/tasks.md")
    problems.raise_any()
    return reading


class _Tasks(Struct, frozen=True):
    """Of one file. ``before`` is the last task of each phase that others wait for."""

    reading: Reading
    name: str
    feature: str
    before: dict[str, str]

    def add(self, phase: str, section: Section) -> None:
        for at, row in outside_fences(section.lines):
            number = section.line + at + 1
            box = BOX.fullmatch(row.rstrip())
            task = TASK.fullmatch(box[2].strip()) if box else None
            if box is None or task is None:
                if box is not None:
                    self.reading.skipped.append(f"{self.name}: line {number}: a box that is no task")
                continue
            marks, title = _marks(task[2] or "")
            if not title:
                self.reading.skipped.append(f"{self.name}: line {number}: {task[1]} says nothing")
                continue
            name = f"{self.feature}/{task[1]}" if self.feature else task[1]
            parallel, labels = PARALLEL in marks, [mark for mark in marks if mark != PARALLEL]
            waits = [self.before[phase]] if phase in self.before and not parallel else []
            if not parallel:
                self.before[phase] = name
            self.reading.items.append(
                Item(
                    place=f"{self.name}: line {number}", external_id=name, title=title[:500],
                    description=title if len(title) > 500 else "",
                    group=f"{self.feature}: {phase}" if self.feature else phase, waits_for=waits,
                    status="" if box[1] == " " else "ticked",
                    claimed_done=box[1] != " ", kept=said(parallel=parallel or None, labels=labels),
                )
            )  # fmt: skip


def _marks(text: str) -> tuple[list[str], str]:
    """``[P] [US1]`` before the words."""
    found = []
    while match := MARK.fullmatch(text):
        found.append(match[1])
        text = match[2] or ""
    return found, text.strip()
