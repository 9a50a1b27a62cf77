"""Sends an import to a server: rehearsed first when it takes several requests, and told where its parts are from."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, structs

from loopctl.cli.import_parts import Part, in_parts, joined
from loopctl.cli.output import note
from loopctl.cli.story_files import Backlog
from loopctl.cli.story_numbers import Known
from loopctl.client import Client, Refused, Unreachable


class Wish(Struct, frozen=True, kw_only=True):
    """``path`` is the route; ``if_position`` where in the log the project has to stand still."""

    path: str
    merge: bool = False
    dry_run: bool = False
    if_position: int | None = None


def send(client: Client, backlog: Backlog, wish: Wish) -> dict[str, Any]:
    """What the import answers. Raises Refused, which then says the files too, and Unreachable."""
    parts = in_parts(backlog.payload)
    several = len(parts) > 1
    if several:
        note(f"More than a server takes at once: sent in {len(parts)} parts, not all or nothing.")
    answers: list[Any] = []
    if several or wish.dry_run:
        # Dependencies of a later part would refer to stories that the rehearsal of an earlier one did not make.
        rehearsed = [part for part in parts if not several or "epics" in part.body]
        trial = structs.replace(wish, dry_run=True)
        answers = [_sent(client, backlog, part, _for(part, parts, trial)) for part in rehearsed]
        if wish.dry_run:
            if len(rehearsed) < len(parts):
                note("The dependencies were not tried: they need the stories of all parts.")
            return joined(answers, rehearsed)
    answers = []
    for number, part in enumerate(parts, 1):
        try:
            answers.append(_sent(client, backlog, part, _for(part, parts, wish)))
        except (Refused, Unreachable):
            if answers:
                note(f"{len(answers)} of {len(parts)} parts are in. When it is mended: the same again with --merge")
            raise
        if several:
            note(f"{number} of {len(parts)} parts")
    return joined(answers, parts)


def _for(part: Part, parts: Sequence[Part], wish: Wish) -> Wish:
    """Only the first can insist that nothing has changed: what follows comes after our own changes."""
    return structs.replace(
        wish, merge=wish.merge or part.merge, if_position=wish.if_position if part is parts[0] else None
    )


def _sent(client: Client, backlog: Backlog, part: Part, wish: Wish) -> Any:
    said = {"merge": wish.merge or None, "dry_run": wish.dry_run or None, "if_position": wish.if_position}
    try:
        return client.post(wish.path, part.body, **said)
    except Refused as refused:
        _add_files(refused, part, backlog.files)
        raise


def _add_files(refused: Refused, part: Part, files: Mapping[str, str]) -> None:
    """To the server's own words: paths as they are in the whole, and which file each is from."""
    error = refused.body.get("error") if isinstance(refused.body, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    if not isinstance(error, dict) or not isinstance(details, dict):
        return
    error["details"] = {part.place_in_whole(path): problems for path, problems in details.items()}
    found = {path: file for path in error["details"] if (file := file_of(path, files))}
    if found:
        error["files"] = found


def file_of(path: str, files: Mapping[str, str]) -> str:
    """Of a place in an import; "" when it is from no file in particular."""
    return files.get(".".join(path.split(".")[:2])) or files.get("") or ""


def known_of(exported: Mapping[str, Any]) -> Known:
    """What a project has, of its export."""
    stories = [(epic, story) for epic in exported["epics"] for story in epic["stories"]]
    return Known(
        epics={epic["title"]: epic["number"] for epic in exported["epics"]},
        imported={
            (epic["number"], str(named)): story["number"]
            for epic, story in stories
            if (named := story["metadata"].get("imported_id")) is not None
        },
        taken=frozenset(story["number"] for _, story in stories),
    )
