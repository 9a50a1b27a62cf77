"""The course of a demo: what was told so far, and when it is over."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from loopctl.cli.demo.crew import Crew
from loopctl.cli.demo.duty import Duty, Told
from loopctl.cli.exits import Exit, Stop

LISTEN_SECONDS = 0.2
HEAR_OUT_SECONDS, QUIET_SECONDS = 10.0, 1.0
ATTEMPTS = 3
"""How often one tries to confirm its own work."""


class Course:
    def __init__(self, stories: int, special: Sequence[Duty], timeout_seconds: float) -> None:
        self.stories = stories
        self._timeout_seconds = timeout_seconds
        self._without_story = {duty.name for duty in special}
        self._mortal = next(duty.name for duty in special if duty.hangs)
        self.verified: set[str] = set()
        self.rejected: list[Told] = []
        self.refused: list[Told] = []
        self.lost: Told | None = None
        """The claim of the process that was killed."""
        self.came_back_after: float | None = None
        self.counted: Counter[str] = Counter()
        self.heard: dict[str, list[str]] = {}
        """Stories by the type of what the receiver was told of them, each signature checked."""
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
        return len(self.verified) >= self.stories and len(self.refused) >= ATTEMPTS

    @property
    def others_may_begin(self) -> bool:
        """Those who behave worse have a story each, however slow the machine is; or all that there were are done."""
        return not self._without_story or len(self.verified) >= self.stories

    def check_time(self) -> None:
        """Raises Stop when it takes too long."""
        if self.seconds > self._timeout_seconds:
            done = f"{len(self.verified)} of {self.stories} stories verified"
            tried = f"{len(self.refused)} of {ATTEMPTS} attempts to confirm one's own work made"
            without = f", no story yet for {' and '.join(sorted(self._without_story))}" if self._without_story else ""
            hint = "The machine may be busy: loopctl demo --timeout SECONDS"
            raise Stop(Exit.WAITED, f"Not done after {self._timeout_seconds:g} s: {done}, {tried}{without}.", hint)

    def hear(self, told: Told) -> None:
        self.counted[told.what] += 1
        self._requests[told.name] = told.requests
        if told.what == "claimed":
            self._without_story.discard(told.name)
        match told.what:
            case "verified":
                self.verified.add(told.story_id)
            case "rejected":
                self.rejected.append(told)
            case "refused" | "let_through":
                self.refused.append(told)
            case "hangs":
                self.lost, self._killed_at = told, time.monotonic()
            case "claimed" if self.lost and told.story_id == self.lost.story_id and told.name != self._mortal:
                self.came_back_after = time.monotonic() - self._killed_at
            case "heard":
                self.heard.setdefault(told.text, []).append(told.story_id)
            case _:
                pass


def follow(course: Course, crew: Crew, others: Sequence[Duty], show: Callable[[str], None]) -> None:
    """Until every story is verified. ``show`` is told what is worth a line. Raises Stop when that fails."""
    waiting = list(others)
    while not course.over:
        course.check_time()
        if waiting and course.others_may_begin:
            crew.start(*waiting)
            waiting = []
        told = crew.told(LISTEN_SECONDS)
        if told is None:
            if name := crew.ended():
                raise Stop(Exit.FAILED, f"The process of {name} ended by itself; why is above.", "loopctl doctor")
            show("")
            continue
        course.hear(told)
        show(_worth_telling(told))
        if told.what == "hangs":
            pid = crew.kill(told.name)
            show(f"{told.name} (process {pid}) was killed in the middle of story {told.number}; its lease goes on")


def hear_out(course: Course, crew: Crew, show: Callable[[str], None]) -> None:
    """What the receiver is still told of: every verified story and what follows, for a few seconds."""
    end = time.monotonic() + HEAR_OUT_SECONDS
    while course.heard and time.monotonic() < end:
        if told := crew.told(QUIET_SECONDS):
            course.hear(told)
            show(_worth_telling(told))
        elif len(course.heard.get("story.verified", ())) >= len(course.verified):
            return


def _worth_telling(told: Told) -> str:
    match told.what:
        case "refused" | "let_through":
            return f"{told.name} tried to confirm its own story {told.number}: {told.text}"
        case "rejected":
            return f"story {told.number} was rejected by {told.name}; it comes again"
        case "lost":
            return f"{told.name} lost story {told.number}: {told.text}"
        case "heard" if told.text == "epic.completed":
            return f"{told.name} was told {told.text}, and its signature is good"
        case "waits" | "refuses":
            return f"{told.name} {told.what}: {told.text}"
        case _:
            return ""
