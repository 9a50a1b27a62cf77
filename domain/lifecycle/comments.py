"""What somebody says about a story. It is added and never changed, and it moves nothing."""

from uuid import UUID

from domain.fields import Problems
from domain.lifecycle.events import StoryCommented
from domain.story import Story

LONGEST_COMMENT = 10_000
"""Characters."""


def comment(story: Story, comment_id: UUID, agent_id: UUID | None, body: str | None) -> StoryCommented:
    """In any state of the story. Raises Invalid."""
    problems = Problems()
    said = problems.required("body", body, LONGEST_COMMENT)
    problems.raise_any()
    return StoryCommented(
        project_id=story.project_id, epic_id=story.epic_id, agent_status_was=story.agent_status, comment_id=comment_id,
        agent_id=agent_id, body=said,
    )  # fmt: skip
