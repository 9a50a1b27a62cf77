"""`loopctl import --from SOURCE`: reads another tool's backlog, maps it here, and sends it as an import."""

import os
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from msgspec import Struct

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.output import note
from loopctl.cli.reading import STANDARD_INPUT, read_bytes, text_of
from loopctl.cli.sending import Wish, send
from loopctl.cli.session import Session
from loopctl.cli.story_files import Backlog
from loopctl.importers.building import Built, build
from loopctl.importers.items import MOST_PROBLEMS, Reading, SourceFile, Unreadable
from loopctl.importers.known import NOTHING, Known, known_of
from loopctl.importers.sources import SOURCES, SourceName

LARGEST_FILE = 128 * 2**20
LARGEST_SOURCE = 256 * 2**20
MOST_FILES = 50_000
MOST_LINES = 20


def read_source(source: SourceName, path: Path) -> Reading:
    """Raises Stop with everything that is wrong."""
    files = files_of(path, SOURCES[source].names)
    try:
        reading = SOURCES[source].read(files)
    except Unreadable as wrong:
        raise told(wrong) from None
    if not reading.items:
        raise Stop(Exit.USAGE, f"There is nothing of {source} in {path}.", f"Files: {', '.join(SOURCES[source].names)}")
    return reading


def mapped(source: SourceName, reading: Reading, known: Known = NOTHING, *, reported: bool = True) -> Built:
    """Raises Stop."""
    try:
        return build(source, reading, known, reported=reported)
    except Unreadable as wrong:
        raise told(wrong) from None


class Bringing(Struct, frozen=True, kw_only=True):
    """``reported``: what is called done there comes in as reported."""

    source: SourceName
    path: Path
    dry_run: bool
    reported: bool


def bring(asked: Session, project: str, what: Bringing) -> Any:
    """What the server answers, with the report and the numbers beside it. A second time only what has changed."""
    reading = read_source(what.source, what.path)
    known = known_of(what.source, asked.client.get(f"projects/{project}/export"))
    built = mapped(what.source, reading, known, reported=what.reported)
    size = f"{built.report['stories']} stories in {built.report['epics']} epics"
    note(f"{'Trying' if what.dry_run else 'Importing'} {size} …")
    merge = bool(known.stories or known.epics)
    answer = send(
        asked.client, Backlog(built.payload, built.places),
        Wish(path=f"projects/{project}/import", merge=merge, dry_run=what.dry_run),
    )  # fmt: skip
    say(built.report)
    return {**answer, "report": built.report, "numbers": built.numbers}


def say(report: Mapping[str, Any]) -> None:
    """In words, for whoever looks on."""
    for name, words in (
        ("in_metadata", "Kept in metadata.external"),
        ("no_place", "Has no place here"),
    ):
        if counts := report[name]:
            note(f"{words}: {', '.join(f'{member} ({count})' for member, count in counts.items())}")
    if claims := report.get("claimed_to_be_done_there"):
        note(f"{claims} are called done there: a claim, which somebody else has to review and verify here.")
    for name, words in (("skipped", "Left out"), ("changed", "Not as it was")):
        lines: Sequence[str] = report[name]
        if lines:
            note(f"{words}:")
        for line in lines[:MOST_LINES]:
            note(f"  {line}")
        if more := len(lines[MOST_LINES:]):
            note(f"  … and {more} more")


def told(wrong: Unreadable) -> Stop:
    """All of it, up to a bound."""
    shown, more = wrong.problems[:MOST_PROBLEMS], len(wrong.problems[MOST_PROBLEMS:])
    first, *others = shown
    hint = "\n".join((*others, *([f"… and {more} more"] if more else [])))
    return Stop(Exit.USAGE, first, hint)


def files_of(path: Path, names: Sequence[str]) -> list[SourceFile]:
    """Of a directory those whose names fit, in order; links lead nowhere. A file is taken whatever it is called."""
    if str(path) == STANDARD_INPUT or not path.is_dir():
        return [_file(path, path.name)]
    found: list[SourceFile] = []
    size = 0
    for file in sorted(_below(path, names)):
        inside = file.relative_to(path).as_posix()
        each = _file(file, inside)
        size += len(each.text)
        if size > LARGEST_SOURCE or len(found) == MOST_FILES:
            raise Stop(Exit.USAGE, f"{path} has more than {MOST_FILES:,} files or {LARGEST_SOURCE:,} letters in them.")
        found.append(each)
    if not found:
        raise Stop(Exit.USAGE, f"There are no files {', '.join(names)} in {path}.")
    return found


def _below(path: Path, names: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(each for each in folders if each not in (".git", "node_modules", ".venv"))
        here = (Path(folder) / file for file in files if any(fnmatch(file, name) for name in names))
        found += [file for file in here if not file.is_symlink()]
    return found


def _file(path: Path, name: str) -> SourceFile:
    """Raises Stop."""
    try:
        data = read_bytes(path, LARGEST_FILE)
    except OSError as error:
        raise Stop(Exit.USAGE, f"{path} cannot be read: {error.strerror or error}.") from None
    if len(data) > LARGEST_FILE:
        raise Stop(Exit.USAGE, f"{path} is larger than {LARGEST_FILE:,} bytes.")
    return SourceFile(name, text_of(data, str(path)))
