"""`loopctl export --to`: a project as Markdown, as a spreadsheet, as its events, or back into another tool's files."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal

from msgspec.json import encode

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.importing import files_of, told
from loopctl.cli.output import note, print_line
from loopctl.cli.plain import escaped, lines
from loopctl.cli.reading import STANDARD_INPUT, whole
from loopctl.cli.session import Session
from loopctl.cli.story_files import Backlog
from loopctl.cli.whole_file import answer_file
from loopctl.exporters import markdown_folder
from loopctl.exporters.markdown_folder import from_markdown, to_markdown
from loopctl.exporters.spreadsheet import from_csv, to_csv
from loopctl.exporters.ticks import TickedSource, ticked, verified_of
from loopctl.importers.items import Unreadable
from loopctl.importers.sources import SOURCES

Form = Literal["json", "markdown", "csv", "jsonl", "spec-kit", "backlog-md"]
OwnForm = Literal["markdown", "csv"]
"""Those that an import reads again."""
MARK = b"\xef\xbb\xbf"


def export_as(asked: Session, project: str, form: Form, output: Path | None) -> None:
    """Raises Stop."""
    if form == "jsonl":
        _write_lines(_events(asked, project), output)
        return
    exported = asked.client.get(f"projects/{project}/export")
    match form:
        case "markdown":
            _write_folder(to_markdown(exported), _named(output, form))
        case "spec-kit" | "backlog-md":
            _tick(form, exported, _named(output, form))
        case _:
            _write_table(to_csv(exported), output)


def read_own(form: OwnForm, path: Path) -> Backlog:
    """What `export_as` wrote, as an import. Raises Stop."""
    try:
        if form == "markdown":
            return Backlog(*from_markdown(files_of(path, markdown_folder.NAMES)))
        (file,) = files_of(path, ("*.csv",))
        return Backlog(*from_csv(file))
    except ValueError:
        raise Stop(Exit.USAGE, f"{path} has several files: a project is one of them.") from None
    except Unreadable as wrong:
        raise told(wrong) from None


def _events(asked: Session, project: str) -> Iterator[str]:
    """All that happened to the project and what is in it, oldest first, one in each line."""
    begin: dict[str, Any] = {"after": 0}
    while True:
        answer = asked.client.get("changes", project_id=project, **begin)
        yield from (escaped(encode(each).decode()) for each in answer["data"])
        if not answer.get("has_more"):
            return
        begin = {"cursor": answer["cursor"]}


def _write_lines(rows: Iterable[str], output: Path | None) -> None:
    if output is None or str(output) == STANDARD_INPUT:
        for row in rows:
            print_line(row)
        return
    with answer_file(output) as file:
        for row in rows:
            file.write(row.encode() + b"\n")
    note(f"Written to {output}.")


def _write_table(text: str, output: Path | None) -> None:
    """Raises Stop instead of printing what a terminal would obey: escaped, it would be another text."""
    if (output is None or str(output) == STANDARD_INPUT) and lines(text) != text:
        raise Stop(Exit.USAGE, "There are control characters in these texts.", "Into a file: --output FILE")
    _write_lines([text.removesuffix("\n")], output)


def _named(output: Path | None, form: Form) -> Path:
    if output is None or str(output) == STANDARD_INPUT:
        raise Stop(Exit.USAGE, f"--to {form} writes into a directory.", "Say which: --output DIR")
    return output


def _write_folder(files: Mapping[str, str], folder: Path) -> None:
    """All of it or nothing, in a place that is free. Raises Stop."""
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise Stop(Exit.USAGE, f"{folder} is there, and has something in it.", "Say a directory that is new, or empty.")
    try:
        unfinished = Path(mkdtemp(prefix=f".{folder.name}.", suffix=".unfinished", dir=folder.resolve().parent))
        for name, text in files.items():
            place = unfinished / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text.encode())
        unfinished.chmod(0o755)
        unfinished.replace(folder)
    except OSError as error:
        raise Stop(Exit.FAILED, f"{folder} cannot be written: {error.strerror or error}.") from None
    note(f"Written to {folder}: {len(files)} files.")


def _tick(source: TickedSource, exported: Any, path: Path) -> None:
    """Each file that changes is there whole before and after. Raises Stop, also for a file that is no UTF-8: nothing
    is changed then."""
    files = files_of(path, SOURCES[source].names)
    try:
        found = ticked(source, files, verified_of(source, exported))
    except Unreadable as wrong:
        raise told(wrong) from None
    before = {file.name: file.text for file in files}
    bodies: dict[Path, bytes] = {}
    for name, text in found.files.items():
        place = path / name if path.is_dir() else path
        data = whole(place)
        mark = MARK if data.startswith(MARK) else b""
        if data != mark + before[name].encode():
            raise Stop(Exit.USAGE, f"{place} is no UTF-8, or changes meanwhile: nothing was ticked.")
        bodies[place] = mark + text.encode()
    for place, body in bodies.items():
        with answer_file(place) as file:
            file.write(body)
    print_line(encode({"ticked": found.items, "files": sorted(found.files)}).decode())
