"""First requests of new connections, a few in each turn of the loop.

A burst of connections would otherwise have one turn do the work of all of them, and whoever has asked before would wait
for that turn at each step of its own request.
"""

import asyncio
from collections import deque
from collections.abc import Callable

AT_A_TIME = 4


class Newcomers:
    """Those of one process."""

    def __init__(self, at_a_time: int = AT_A_TIME) -> None:
        self._at_a_time = at_a_time
        self._waiting: deque[Callable[[], None]] = deque()
        self._begun = 0
        """In this turn."""

    def begin(self, request: Callable[[], None]) -> None:
        """Now, or in one of the next turns."""
        if self._begun == 0:
            asyncio.get_running_loop().call_soon(self._turn)
        if self._begun < self._at_a_time:
            self._begun += 1
            request()
        else:
            self._waiting.append(request)

    def _turn(self) -> None:
        self._begun = min(len(self._waiting), self._at_a_time)
        if self._begun:
            asyncio.get_running_loop().call_soon(self._turn)
        for _ in range(self._begun):
            self._waiting.popleft()()
