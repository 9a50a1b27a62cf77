"""What the service does with a story that nobody has asked for: it ends claims, and flags what looks like no work."""

from collections.abc import Sequence
from datetime import datetime

from domain.event import Event
from domain.lifecycle.implementer import expire_lease
from domain.story import Story
from domain.usage.behaviour import Observed, flag_story


def done_by_itself(path: str, story: Story, now: datetime) -> Sequence[Event]:
    return expire_lease(story, now) if path == "expire" else flag_story(story, suspicious(story), None)


def suspicious(story: Story) -> Observed:
    """What a job finds of a story of which no test was run."""
    return Observed(
        story_id=story.story_id, iteration=story.iteration_count, lazy_score=100, lazy_factors={"no_tests": 100},
        flags=["lazy"],
    )  # fmt: skip
