"""A story as it was when the log had a given length, folded from its own entries."""

from uuid import UUID

from domain.lifecycle.evolve import evolve_story, evolve_text
from domain.story import Story, StoryText
from eventstore.database.transaction import TenantTx
from eventstore.log.codec import Codec
from eventstore.log.read import read_stream


async def story_at(tx: TenantTx, codec: Codec, story_id: UUID, position: int) -> tuple[Story, StoryText] | None:
    """After the entry at ``position``; None when the story was not there yet, or no longer."""
    story: Story | None = None
    text: StoryText | None = None
    for recorded in await read_stream(tx, codec, story_id, position):
        if recorded.stream.kind == "story":
            story, text = evolve_story(story, recorded), evolve_text(text, recorded)
    return None if story is None or text is None else (story, text)
