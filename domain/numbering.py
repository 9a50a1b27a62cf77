"""Numbers of stories and epics, as people write them (spec 01, sections 2.7 and 2.8)."""

import re

from msgspec import Struct

STORY_NUMBER = re.compile(r"(?:US-)?([0-9]{1,4})(?:\.([0-9]{1,4}))?", re.IGNORECASE)


class StoryNumber(Struct, frozen=True, order=True):
    """Sorts by major and minor; ``text`` keeps 2 and 2.0 apart."""

    major: int
    minor: int
    text: str

    @property
    def sort_key(self) -> int:
        """For clients that sort by it. Not unique for a minor beyond 999: we sort by major and minor."""
        return self.major * 10_000 + self.minor * 10


def parse_story_number(text: str) -> StoryNumber | None:
    """``1``, ``1.2`` and ``US-1.2``; None for everything else. The prefix and leading zeros are not kept."""
    found = STORY_NUMBER.fullmatch(text.strip())
    if found is None:
        return None
    major, minor = int(found[1]), int(found[2] or 0)
    return StoryNumber(major, minor, f"{major}.{minor}" if found[2] else str(major))
