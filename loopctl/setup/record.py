"""What setup has written into a folder: `.loopctl/setup.json`, so that it can be changed and taken away again."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import MsgspecError, Struct
from msgspec.json import decode, encode
from msgspec.json import format as laid_out

from loopctl.setup.json_text import Way
from loopctl.setup.pieces import Foreign, Piece

RECORD = ".loopctl/setup.json"


class Record(Struct, frozen=True, forbid_unknown_fields=True):
    pieces: Sequence[Piece] = ()
    made: Sequence[str] = ()
    """Files and folders that were not there before."""
    objects: Sequence[tuple[str, Way]] = ()
    """Objects and lists of JSON files that were not there before."""
    version: int = 1


def read_record(folder: Path) -> Record:
    """An empty one where setup was never run. Raises Foreign."""
    try:
        found = decode((folder / RECORD).read_bytes(), type=Record)
    except FileNotFoundError:
        return Record()
    except (MsgspecError, UnicodeDecodeError) as error:
        raise Foreign(RECORD, f"it is no record of loopctl setup ({error})") from None
    if found.version != 1:
        raise Foreign(RECORD, f"it is of a later version ({found.version}) of loopctl")
    return found


def told(record: Record) -> bytes:
    return laid_out(encode(record)) + b"\n"
