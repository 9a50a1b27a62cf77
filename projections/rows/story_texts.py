"""The long texts of stories, in a table of their own because most events of a story do not change them."""

from domain.lifecycle.evolve import TEXT_EVENTS, evolve_text
from domain.story import StoryText
from projections.rows.entity import Entity

STORY_TEXTS = Entity(
    name="story_text", kind="story", state=StoryText, identity="story_id", evolve=evolve_text, events=TEXT_EVENTS
)
