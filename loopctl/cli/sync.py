"""`loopctl sync`: reads a source again that was imported, and takes over what has changed there since."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from msgspec import DecodeError, ValidationError
from msgspec.json import decode, encode
from msgspec.json import format as laid_out

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.importing import mapped, read_source, say
from loopctl.cli.left_out import say_what_was_left
from loopctl.cli.naming import project_id
from loopctl.cli.options import ANYWHERE, Flag, Input, Scope
from loopctl.cli.output import note
from loopctl.cli.reading import STANDARD_INPUT, read_text, whole
from loopctl.cli.sending import Wish, send
from loopctl.cli.session import Session, session
from loopctl.cli.settings import PLANNING
from loopctl.cli.story_files import Backlog
from loopctl.cli.whole_file import answer_file
from loopctl.importers.known import known_of
from loopctl.importers.sources import SourceName
from loopctl.importers.syncing import (
    Prefer,
    Synced,
    SyncMap,
    claims,
    compare,
    found_again,
    next_map,
    without_gone,
)

BESIDE = ".loopctl-sync"
VERSION = 1


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Sync:
    """How the two are brought together.

    Parameters
    ----------
    from_
        The tool: beads, task-master, backlog-md, spec-kit, github, jira-csv, linear-csv or plane-csv.
    map
        Where it is remembered which item is which story, and on what the two agreed last; else beside the source,
        in .loopctl-sync of a directory, or FILE.loopctl-sync.
    prefer
        Whose word counts in a conflict: theirs, the source's, or ours, the project's.
    dry_run
        Say what would be done, and do nothing.
    """

    from_: Annotated[SourceName, Parameter(name="--from")]
    map: Path | None = None
    prefer: Prefer | None = None
    dry_run: Flag = False


def sync(path: Input, /, *, how: Sync, scope: Scope = ANYWHERE) -> int:
    """Read another tool's backlog again: what has changed there is changed here, what is new is added, and nothing is
    deleted. What has changed on both sides is a conflict: it is listed, and stays as it is here.

    Parameters
    ----------
    path
        The file or directory that was imported; - reads standard input.
    """
    place = _place(path, how.map)
    with session(scope, PLANNING) as asked:
        project = project_id(asked, scope.project)
        reading = read_source(how.from_, path)
        exported = asked.client.get(f"projects/{project}/export")
        base = _read(place, SyncMap(how.from_, asked.client.server, project))
        known = found_again(known_of(how.from_, exported), base, exported)
        reading, gone = without_gone(reading, known, base, exported)
        built = mapped(how.from_, reading, known)
        found = compare(built, exported, base, how.prefer)
        found.gone_here = gone
        answer = _send(asked, project, exported, found, dry_run=how.dry_run)
        if not how.dry_run:
            exported = asked.client.get(f"projects/{project}/export") if answer else exported
            _write(place, next_map(base, built, found, exported))
        say(built.report)
        claimed = claims(reading.items, built.numbers, exported)
        said = {"sync": _told(found, claimed), "import": answer and answer["import"], "map": str(place)}
        if asked.output.for_people:
            _tell(found)
        asked.output.body(said if asked.output.form == "json" else _counts(found, claimed), done=asked.client.wrote)
    return Exit.CONFLICT if found.conflicts else Exit.DONE


def _send(asked: Session, project: str, exported: Any, found: Synced, *, dry_run: bool) -> Any:
    """None when there is nothing to be sent. Nothing is sent when the project has changed since it was read."""
    if not any(found.payload.values()):
        return None
    there = bool(exported["epics"])
    wish = Wish(
        path=f"projects/{project}/import", merge=there, dry_run=dry_run,
        if_position=exported["export_metadata"]["position"] if there else None,
    )  # fmt: skip
    answer = send(asked.client, Backlog(found.payload, found.places), wish)
    say_what_was_left(answer)
    return answer


def _told(found: Synced, claimed: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "created": found.created, "updated": found.updated, "unchanged": found.unchanged, "conflicts": found.conflicts,
        "kept_here": found.kept_here, "gone_there": found.gone_there, "gone_here": found.gone_here,
        "claimed_to_be_done_there": claimed,
    }  # fmt: skip


def _counts(found: Synced, claimed: list[dict[str, str]]) -> dict[str, Any]:
    told = _told(found, claimed)
    return {name: len(value) if isinstance(value, list) else value for name, value in told.items()}


def _tell(found: Synced) -> None:
    for each in found.conflicts:
        note(f"Conflict: {each.number} ({each.external_id}), {each.member}: there {each.there!r}, here {each.here!r}")
    if found.conflicts:
        note("They stay as they are here. Whose word counts: --prefer theirs, or --prefer ours")
    for words, names in (("No longer there", found.gone_there), ("Deleted here, not made again", found.gone_here)):
        if names:
            note(f"{words}: {', '.join(names[:20])}{' …' if names[20:] else ''}")


def _place(path: Path, said: Path | None) -> Path:
    """Raises Stop for standard input, which nothing is beside."""
    if said is not None:
        return said
    if str(path) == STANDARD_INPUT:
        raise Stop(Exit.USAGE, "Standard input has nothing beside it.", "Say where the map is kept: --map FILE")
    return path / BESIDE if path.is_dir() else path.with_name(path.name + BESIDE)


def _read(place: Path, wanted: SyncMap) -> SyncMap:
    """What was remembered, or ``wanted``, which remembers nothing. Raises Stop for what is of something else."""
    if not place.exists():
        return wanted
    try:
        found = decode(read_text(place), type=SyncMap)
    except (ValidationError, DecodeError, RecursionError) as error:
        hint = "Move it away: the project itself says which story is of which item; changes here are then written over"
        raise Stop(Exit.USAGE, f"{place} is no map of a sync: {error}.", hint) from None
    for what, theirs, ours in (
        ("version", found.version, VERSION), ("source", found.source, wanted.source),
        ("project", found.project, wanted.project), ("server", found.server, wanted.server),
    ):  # fmt: skip
        if theirs != ours:
            raise Stop(
                Exit.USAGE,
                f"{place} is of the {what} {theirs}, not {ours}.",
                "Say where another map is kept: --map FILE",
            )
    return found


def _write(place: Path, found: SyncMap) -> None:
    content = laid_out(encode(found, order="deterministic"), indent=1) + b"\n"
    if not place.exists() or whole(place) != content:
        with answer_file(place) as file:
            file.write(content)
