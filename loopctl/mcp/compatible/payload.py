"""A file that is imported: only from where the process may read, of a bearable size, and never shown in an error."""

import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from msgspec import MsgspecError, UnsetType
from msgspec.json import decode

from loopctl.cli.exits import Exit, Stop

ROOTS = "LOOPCTL_PAYLOAD_ROOTS"
LARGEST = 5 * 1024 * 1024


def payload_of(payload: dict[str, Any] | UnsetType, path: str | UnsetType) -> dict[str, Any]:
    """What is said itself goes before a file. Raises Stop."""
    if not isinstance(payload, UnsetType):
        return payload
    if isinstance(path, UnsetType):
        raise Stop(Exit.USAGE, "Nothing to import.", "Say payload, or payload_path.")
    return _read(path)


def _read(named: str) -> dict[str, Any]:
    file = _allowed(named)
    try:
        # Opened without waiting, then looked at: what was looked at before could be another file by then.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise _refused(named, "it is no file")
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise _refused(named, error.strerror or "it cannot be read") from None
    if len(content) > LARGEST:
        raise _refused(named, "it is larger than 5 MiB")
    try:
        return decode(content, type=dict[str, Any])
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        raise _refused(named, "it holds no JSON object") from None


def _allowed(named: str) -> Path:
    """Where the path leads in the end, which has to be under one of the roots. Raises Stop."""
    if "\0" in named or not Path(named).is_absolute():
        raise _refused(named, "it is no absolute path")
    file = Path(named).resolve()
    if not any(file.is_relative_to(root) for root in _roots()):
        raise _refused(named, f"it is under none of the folders of {ROOTS} (without it the working folder and that for "
                              "temporary files)")  # fmt: skip
    return file


def _roots() -> list[Path]:
    said = os.environ.get(ROOTS)
    named = said.split(os.pathsep) if said else [os.getcwd(), tempfile.gettempdir()]  # noqa: PTH109  # text, as above
    return [Path(root).resolve() for root in named if root]


def _refused(named: str, problem: str) -> Stop:
    return Stop(Exit.USAGE, f"{named[:200]!r} is not read: {problem}.", "Say another payload_path, or payload itself.")
