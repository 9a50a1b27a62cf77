"""The standard streams, so that a deed ends as a deed: whatever its words are, whoever reads them, or nobody.

What an encoding lacks is escaped as in JSON. A reader that is gone (`| head`) or was never there (`>&-`) changes
nothing; a full disk is told at the end, by the exit code too.
"""

import codecs
import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

ESCAPED = "loopctl.escaped"
"""An error handler of encoders: \\u00e9, and two of them for what is beyond four digits, as JSON has it."""


class Outlet(io.FileIO):
    """One of the process's own outputs, never closed. ``lost`` is why nothing can be written any more."""

    def __init__(self, number: int) -> None:
        super().__init__(number, "wb", closefd=False)
        self.lost: OSError | None = None

    def write(self, data: "ReadableBuffer", /) -> int:
        while self.lost is None:
            try:
                written = super().write(data)
            except OSError as error:
                self.lost = error
                break
            if written is not None:
                return written
            # Whoever started us shares a pipe with us that does not block.
            select.select([], [self], [])
        return len(memoryview(data))


def prepare() -> None:
    # A number that is free would be the next file's or connection's.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    sys.stdout, sys.stderr = _outlet(sys.stdout), _outlet(sys.stderr)


def nobody_reads() -> bool:
    """For what would go on for ever."""
    return _lost(sys.stdout) is not None


def unwritten() -> str | None:
    """Why an answer that somebody waits for is not all there. A reader that went away waits for nothing."""
    sys.stdout.flush()
    lost = _lost(sys.stdout)
    return None if lost is None or isinstance(lost, BrokenPipeError) else str(lost.strerror)


def _outlet(stream: TextIO) -> TextIO:
    try:
        raw = Outlet(stream.fileno())
    except (OSError, ValueError):
        return stream
    buffer = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, stream.encoding, ESCAPED, line_buffering=stream.isatty())


def _lost(stream: TextIO) -> OSError | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw.lost if isinstance(raw, Outlet) else None


def _escaped(error: UnicodeError) -> tuple[str, int]:
    failed = cast("UnicodeEncodeError", error)
    units = failed.object[failed.start : failed.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2)), failed.end


codecs.register_error(ESCAPED, _escaped)
