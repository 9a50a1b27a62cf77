"""What somebody says of a story, drawn by chance."""

import random

from domain.event import JsonText
from domain.story_fields import StoryFields


def some_fields(chance: random.Random, metadata: JsonText) -> StoryFields:
    match chance.choice(("title", "criteria", "metadata", "details")):
        case "title":
            return StoryFields(title=chance.choice(("t", "u", "v")))
        case "criteria":
            return StoryFields(acceptance_criteria=[{"criterion": chance.choice(("c", "d"))}])
        case "metadata":
            return StoryFields(metadata=metadata)
        case _:
            return StoryFields(claimed_criteria=("AC-1",), priority=chance.randint(0, 4))
