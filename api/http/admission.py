"""How many requests one process works on at a time; the others wait briefly or are told to come back."""

import asyncio
from collections import deque

from api.http.refusal import Refused


class Admission:
    """A counter with a queue, first come first served. Whoever got in calls ``leave``, whatever happens."""

    def __init__(self, most: int, wait_seconds: float) -> None:
        self.running = 0
        self._most = most
        self._wait_seconds = wait_seconds
        self._waiting: deque[asyncio.Future[None]] = deque()

    def enter_now(self) -> bool:
        """Takes a place if one is free."""
        free = self.running < self._most
        self.running += free
        return free

    async def enter(self) -> None:
        """Waits for a place. Raises Refused when none becomes free in time."""
        if self.enter_now():
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await turn
        except BaseException as error:
            self._give_up(turn)
            if isinstance(error, TimeoutError):
                raise Refused("overloaded", headers={"Retry-After": "1"}) from None
            raise

    def leave(self) -> None:
        """The place goes to the longest waiting, if anybody waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        """A place given in the same moment as the wait ended is passed on."""
        if turn.done() and not turn.cancelled():
            self.leave()
        elif turn in self._waiting:
            self._waiting.remove(turn)
