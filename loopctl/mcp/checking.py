"""What `verify_log` checks by itself: the signature of the newest head, and that it continues an earlier one."""

from collections.abc import Generator
from typing import Any
from urllib.parse import urlencode

from msgspec import structs

from loopctl.cli.asked import Asked
from loopctl.cli.exits import Exit, Stop
from loopctl.following import newest
from loopctl.seen import Contradiction, Kept
from loopctl.tlog.errors import TlogError
from loopctl.tlog.keys import first_key
from loopctl.tlog.trust import Trust, open_checkpoint
from loopctl.tlog.vkey import parse_vkey

STOP = "Stop all work that is confirmed here, and tell a person. Keep both notes: they are the evidence."


def checked(asked: Asked, note: str | None) -> dict[str, Any]:
    """``note`` is a head that was seen before. Raises Stop for a log that contradicts it, or shows none."""
    found = _newest(asked, None)
    if found is None:
        raise Stop(Exit.BAD, "The server shows no head of its log that its key has signed.", STOP)
    continues = None if note is None else _continued(asked, found, note)
    return {"verified": True, "size": found.size, "root": found.root, "note": found.note, "continues": continues}


def _newest(asked: Asked, kept: Kept | None) -> Kept | None:
    def wish(path: str, /, **query: Any) -> Generator[str, Any, Any]:
        return (yield f"{path}?{urlencode(query)}" if query else path)

    steps, answer = newest(wish, kept, 0.0), None
    while True:
        try:
            answer = asked.client.raw("GET", steps.send(answer))
        except StopIteration as done:
            found: Kept | None = done.value
            return found


def _continued(asked: Asked, found: Kept, note: str) -> int:
    """The size of the head in ``note``."""
    try:
        old = open_checkpoint(note.encode(), Trust(first_key(parse_vkey(found.keys[0][0])))).checkpoint
    except TlogError as error:
        message = f"note is no head that this log's key has signed ({error})."
        raise Stop(Exit.USAGE, message, "Say it as it was.") from None
    try:
        _newest(asked, structs.replace(found, note=note))
    except Contradiction as error:
        raise Stop(Exit.BAD, f"The log has been rolled back or forked: {error}.", STOP) from None
    return old.size
