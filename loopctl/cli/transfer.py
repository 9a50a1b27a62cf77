"""`loopctl import` and `loopctl export`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from msgspec.json import encode
from msgspec.json import format as laid_out

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.exporting import Form, OwnForm, export_as, read_own
from loopctl.cli.importing import Bringing, bring, mapped, read_source, say
from loopctl.cli.left_out import say_what_was_left
from loopctl.cli.naming import project_id
from loopctl.cli.options import ANYWHERE, Flag, Input, Scope
from loopctl.cli.output import note, write_json
from loopctl.cli.reading import STANDARD_INPUT, read_json
from loopctl.cli.sending import Wish, known_of, send
from loopctl.cli.session import Session, session
from loopctl.cli.settings import PLANNING, READING
from loopctl.cli.story_files import Backlog, read_files
from loopctl.cli.story_numbers import NOTHING_KNOWN, Known
from loopctl.cli.whole_file import answer_file
from loopctl.importers.sources import SourceName


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class How:
    """How an import is done.

    Parameters
    ----------
    merge
        Add to what the project has, and change what is there under the same numbers.
    dry_run
        Ask the server what the import would do, and do nothing.
    if_position
        Only if the project has not changed since this position of the log; `file`: the one that the export says.
    show
        Print what would be sent, and ask no server.
    from_
        Another tool's backlog: beads, task-master, backlog-md, spec-kit, github, jira-csv, linear-csv or plane-csv.
        Once more, it changes only what has changed there. Or what `export --to` wrote: markdown or csv.
    done_as
        What another tool calls done comes in as reported, for others to review, or as pending.
    """

    merge: Flag = False
    dry_run: Flag = False
    if_position: str | None = None
    show: Flag = False
    from_: Annotated[Literal[SourceName, OwnForm] | None, Parameter(name="--from")] = None
    done_as: Literal["reported", "pending"] = "reported"

    def __post_init__(self) -> None:
        """Raises Stop."""
        if self.show and (self.merge or self.dry_run or self.if_position is not None):
            raise Stop(Exit.USAGE, "--show asks no server: it goes with neither --merge, --dry-run nor --if-position.")
        if self.source and (self.merge or self.if_position is not None):
            raise Stop(
                Exit.USAGE, "--from finds out itself what is there: it goes with neither --merge nor --if-position."
            )
        if self.source is None and self.done_as != "reported":
            raise Stop(Exit.USAGE, "--done-as is for another tool's backlog: --from beads, for example.")

    @property
    def source(self) -> SourceName | None:
        """Another tool."""
        match self.from_:
            case "markdown" | "csv" | None:
                return None
            case another:
                return another

    def backlog(self, path: Path, known: Callable[[], Known] = lambda: NOTHING_KNOWN) -> Backlog:
        """Of our own forms. Raises Stop."""
        match self.from_:
            case "markdown" | "csv" as own:
                return read_own(own, path)
            case _:
                return read_files(path, read_json, note, known)


PLAINLY = How()


def import_(path: Input, /, *, how: How = PLAINLY, scope: Scope = ANYWHERE) -> None:
    """Import epics and stories: all of them or, when one is wrong, none.

    Parameters
    ----------
    path
        A JSON file as `export` prints it, a file or a directory of stories (epic_<n>_*/us_*.json), or - for standard
        input. docs/import.md says what is taken.
    """
    if how.show:
        write_json(_shown(path, how))
        return
    with session(scope, PLANNING) as asked:
        if how.source is not None:
            _bring(asked, path, how.source, how, scope)
            return
        backlog = how.backlog(path, lambda: _known(asked, scope) if how.merge else NOTHING_KNOWN)
        named = project_id(asked, scope.project)
        wish = Wish(
            path=f"projects/{named}/import", merge=how.merge, dry_run=how.dry_run,
            if_position=_position(how.if_position, backlog.payload),
        )  # fmt: skip
        note(f"{'Trying' if how.dry_run else 'Importing'} {_size(backlog.payload)} …")
        answer = send(asked.client, backlog, wish)
        say_what_was_left(answer, backlog.files)
        asked.output.body(
            answer if asked.output.form == "json" else {"import": answer["import"]}, done=asked.client.wrote
        )
        if not how.dry_run:
            asked.output.note(f"Next: loopctl next --project {scope.project or named}")


def _shown(path: Path, how: How) -> Any:
    if how.source is None:
        return how.backlog(path).payload
    built = mapped(how.source, read_source(how.source, path), reported=how.done_as == "reported")
    say(built.report)
    return built.payload


def _bring(asked: Session, path: Path, source: SourceName, how: How, scope: Scope) -> None:
    project = project_id(asked, scope.project)
    what = Bringing(source=source, path=path, dry_run=how.dry_run, reported=how.done_as == "reported")
    answer = bring(asked, project, what)
    say_what_was_left(answer)
    asked.output.body(answer if asked.output.form == "json" else {"import": answer["import"]}, done=asked.client.wrote)
    if not how.dry_run:
        asked.output.note(f"Next: loopctl next --project {scope.project or project}")


def _known(asked: Session, scope: Scope) -> Known:
    return known_of(asked.client.get(f"projects/{project_id(asked, scope.project)}/export"))


def _size(payload: Mapping[str, Any]) -> str:
    epics = payload.get("epics")
    epics = [epic for epic in epics if isinstance(epic, dict)] if isinstance(epics, list) else []
    stories = sum(len(each) for epic in epics if isinstance(each := epic.get("stories"), list))
    return f"{stories} stories in {len(epics)} epics"


def _position(said: str | None, payload: Mapping[str, Any]) -> int | None:
    """Raises Stop when the file does not say one."""
    if said is None:
        return None
    metadata = payload.get("export_metadata")
    found = metadata.get("position") if said == "file" and isinstance(metadata, dict) else said
    if str(found).isdecimal():
        return int(found)  # type: ignore[arg-type]  # digits
    problem = "The file says no position in export_metadata." if said == "file" else f"{said} is no position."
    raise Stop(Exit.USAGE, problem, "--if-position NUMBER, or --if-position file with what loopctl export wrote")


def export(*, to: Form = "json", output: Input | None = None, scope: Scope = ANYWHERE) -> None:
    """Print a project as JSON that an import takes, whatever the format; or write it in another form.

    Parameters
    ----------
    to
        json; markdown, a directory, or csv, which `import --from` reads again; jsonl, everything that happened, one in
        each line; or spec-kit or backlog-md, into whose files of --output what is verified is ticked.
    output
        A file or directory to write it to instead of standard output: all of it, or nothing.
    """
    with session(scope, READING) as asked:
        if to != "json":
            export_as(asked, project_id(asked, scope.project), to, output)
            return
        body = asked.client.get(f"projects/{project_id(asked, scope.project)}/export")
        if output is None or str(output) == STANDARD_INPUT:
            write_json(body)
            return
        with answer_file(output) as file:
            file.write(laid_out(encode(body)) + b"\n")
        note(f"Written to {output}.")


def read_payload(path: Path) -> dict[str, Any]:
    """What an import sends. Raises Stop for what is none."""
    found: dict[str, Any] = read_files(path, read_json, note).payload
    return found
