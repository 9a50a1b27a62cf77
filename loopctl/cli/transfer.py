"""`loopctl import` and `loopctl export`."""

import sys
from pathlib import Path
from typing import Any

from msgspec import MsgspecError
from msgspec.json import decode, encode
from msgspec.json import format as laid_out

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import project_id
from loopctl.cli.options import ANYWHERE, Flag, Scope
from loopctl.cli.output import note, write_json
from loopctl.cli.session import session
from loopctl.cli.story_files import read_directory


def import_(path: Path, /, *, merge: Flag = False, dry_run: Flag = False, scope: Scope = ANYWHERE) -> None:
    """Import epics and stories: all of them or, when one is wrong, none.

    Parameters
    ----------
    path
        A JSON file as `export` prints it, a directory of story files (epic_<n>_*/us_*.json), or - for standard input.
    merge
        Add to what the project has, and change what is there under the same numbers.
    dry_run
        Print what would be sent.
    """
    payload = read_payload(path)
    if dry_run:
        write_json(payload)
        return
    with session(scope) as asked:
        named = project_id(asked, scope.project)
        epics = payload.get("epics") or []
        note(f"Importing {sum(len(epic.get('stories') or ()) for epic in epics)} stories in {len(epics)} epics …")
        asked.show(asked.client.post(f"projects/{named}/import", payload, merge=True if merge else None))
        asked.output.note(f"Next: loopctl next --project {scope.project or named}")


def export(*, output: Path | None = None, scope: Scope = ANYWHERE) -> None:
    """Print a project as JSON that an import takes, whatever the format.

    Parameters
    ----------
    output
        A file to write it to instead.
    """
    with session(scope, "orchestrator") as asked:
        body = asked.client.get(f"projects/{project_id(asked, scope.project)}/export")
        if output is None:
            write_json(body)
            return
        output.write_bytes(laid_out(encode(body)) + b"\n")
        note(f"Written to {output}.")


def read_payload(path: Path) -> dict[str, Any]:
    """What an import sends. Raises Stop for what is none."""
    if path.is_dir():
        return read_directory(path, warn=note)
    try:
        found = decode(sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes())
    except OSError as error:
        raise Stop(Exit.USAGE, f"{path} cannot be read: {error.strerror}.") from None
    except MsgspecError as error:
        raise Stop(Exit.USAGE, f"{path} is no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise Stop(Exit.USAGE, f"{path} is no object with epics in it.", "See what is taken: loopctl export")
    return found
