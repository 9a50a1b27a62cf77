"""The live display on the standard error: one line that is rewritten, above it what is worth keeping."""

import sys
import time

from loopctl.cli.demo.course import Course
from loopctl.cli.plain import one_line

PAUSE_SECONDS = 0.1
QUIET_SECONDS = 5.0
BAR = 24


class Display:
    def __init__(self, course: Course) -> None:
        self._course = course
        self._live = sys.stderr.isatty()
        self._next = 0.0

    def __call__(self, line: str) -> None:
        if line:
            sys.stderr.write(f"{self._clear()}{self._course.seconds:6.1f} s  {one_line(line)}\n")
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + (PAUSE_SECONDS if self._live else QUIET_SECONDS)
        sys.stderr.write(f"{self._clear()}{self._state()}" + ("" if self._live else "\n"))
        sys.stderr.flush()

    def close(self) -> None:
        sys.stderr.write(self._clear())
        sys.stderr.flush()

    def _clear(self) -> str:
        return "\r\x1b[K" if self._live else ""

    def _state(self) -> str:
        course = self._course
        done = len(course.verified)
        full = BAR * done // max(1, course.stories)
        counted = course.counted
        return (
            f"{course.seconds:6.1f} s  [{'#' * full}{'.' * (BAR - full)}] {done}/{course.stories} verified, "
            f"{counted['claimed']} claimed, {counted['reviewed']} reviewed, {counted['rejected']} rejected, "
            f"{course.requests} requests"
        )
