"""heads.json beside the settings: the heads of logs that this user's commands have checked."""

from pathlib import Path

from msgspec import MsgspecError
from msgspec.json import decode, encode
from msgspec.json import format as laid_out

from loopctl.cli.output import note
from loopctl.cli.whole_file import held, write_whole
from loopctl.seen import Kept

Whole = dict[str, Kept]
"""By server and key; what one key has seen counts for all keys of the tenant there."""


class HeadsFile:
    """A file that cannot be written costs a check, and no command."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self, whose: str) -> Kept | None:
        whole = self._whole()
        mine = whole.get(whose)
        return mine and _furthest(whole, whose, mine)

    def write(self, whose: str, kept: Kept) -> None:
        """Two at once lose nothing, and nobody goes back."""
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with held(self._file):
                whole = self._whole()
                there = whole.get(whose)
                if there is None or there.size <= kept.size:
                    write_whole(self._file, laid_out(encode({**whole, whose: kept})) + b"\n")
        except OSError as error:
            note(f"What was seen of the log is not kept: {self._file} cannot be written ({error.strerror}).")

    def _whole(self) -> Whole:
        try:
            return decode(self._file.read_bytes(), type=Whole)
        except FileNotFoundError:
            return {}
        except (OSError, MsgspecError) as error:
            note(f"What was seen of the log cannot be read: {self._file} ({error}). Mend it, or put it aside.")
            return {}


def _furthest(whole: Whole, whose: str, mine: Kept) -> Kept:
    server = whose.partition(" ")[0]
    same = [each for name, each in whole.items() if name.partition(" ")[0] == server and each.tenant == mine.tenant]
    return max(same, key=lambda each: each.size)
