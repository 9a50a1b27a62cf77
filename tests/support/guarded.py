"""Servers of the tests end with the run, however it ends: fixtures do not get to it when pytest itself is killed."""

import atexit
from functools import cache
from typing import Protocol, TypeVar

from supervisor.guard import Guard


class Started(Protocol):
    @property
    def pid(self) -> int: ...


Process = TypeVar("Process", bound=Started)


def guarded(process: Process) -> Process:
    """The process that was given; a guard of this run ends it when the run is gone."""
    _guard().watch(process.pid)
    return process


@cache
def _guard() -> Guard:
    guard = Guard()
    atexit.register(guard.close)
    return guard
