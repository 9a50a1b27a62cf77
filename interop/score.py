"""What one checker found, as the line that is printed."""

from msgspec import Struct


class Score(Struct, frozen=True):
    about: str
    passed: int
    wrong: tuple[str, ...]
    known: int = 0
    """What is wrong, and known to be."""
    known_as: str = "known to be lenient"
    reasons: tuple[str, ...] = ()
    """Why it is so."""

    def line(self) -> str:
        known = f", {self.known} {self.known_as}" if self.known else ""
        return f"{self.about}: {self.passed} passed, {len(self.wrong)} failed{known}"
