"""The course of a demo: what was told so far, and when it is over."""

import time
from collections import Counter
from collections.abc import Callable

from loopctl.cli.demo.crew import Processes
from loopctl.cli.demo.duty import Told
from loopctl.cli.exits import Exit, Stop

LISTEN_SECONDS = 0.2


class Course:
    def __init__(self, stories: int, mortal: str) -> None:
        self.stories = stories
        self.mortal = mortal
        self.verified: set[str] = set()
        self.rejected: list[Told] = []
        self.refused: list[Told] = []
        self.lost: Told | None = None
        """The claim of the process that was killed."""
        self.came_back_after: float | None = None
        self.counted: Counter[str] = Counter()
        self._requests: dict[str, int] = {}
        self._killed_at = 0.0
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def requests(self) -> int:
        return sum(self._requests.values())

    @property
    def over(self) -> bool:
        return len(self.verified) >= self.stories and len(self.refused) >= 3

    def hear(self, told: Told) -> None:
        self.counted[told.what] += 1
        self._requests[told.name] = told.requests
        match told.what:
            case "verified":
                self.verified.add(told.story_id)
            case "rejected":
                self.rejected.append(told)
            case "refused":
                self.refused.append(told)
            case "hangs":
                self.lost, self._killed_at = told, time.monotonic()
            case "claimed" if self.lost and told.story_id == self.lost.story_id and told.name != self.mortal:
                self.came_back_after = time.monotonic() - self._killed_at
            case _:
                pass


def follow(course: Course, crew: Processes, seconds: float, show: Callable[[str], None]) -> None:
    """Until every story is verified. ``show`` is told what is worth a line. Raises Stop after ``seconds``."""
    while not course.over:
        if course.seconds > seconds:
            raise Stop(
                Exit.WAITED, f"Not done after {seconds:g} s: {len(course.verified)} of {course.stories} verified."
            )
        told = crew.told(LISTEN_SECONDS)
        if told is None:
            if name := crew.ended():
                raise Stop(Exit.FAILED, f"The process of {name} ended by itself; what it said is above.")
            show("")
            continue
        course.hear(told)
        show(_worth_telling(told))
        if told.what == "hangs":
            pid = crew.kill(told.name)
            show(f"{told.name} (process {pid}) was killed in the middle of story {told.number}; its lease goes on")


def _worth_telling(told: Told) -> str:
    match told.what:
        case "refused":
            return f"{told.name} tried to confirm its own story {told.number}: {told.text}"
        case "rejected":
            return f"story {told.number} was rejected by {told.name}; it comes again"
        case "waits":
            return f"{told.name} waits: {told.text}"
        case _:
            return ""
