"""What was last found of a story's figures that somebody should look at."""

from domain.lifecycle.events import StoryFlagged
from domain.story import StoryDeleted
from domain.usage.behaviour import StoryFlag, evolve_flag
from projections.rows.entity import Entity

STORY_FLAGS = Entity(
    name="story_flag", state=StoryFlag, identity="story_id", evolve=evolve_flag, kind="story", replaces=True,
    events=(StoryFlagged, StoryDeleted),
)  # fmt: skip
