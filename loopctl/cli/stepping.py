"""One step of a story's way, as all of them are asked for and shown."""

from typing import Any

from loopctl.cli.naming import story_id
from loopctl.cli.session import Session


def step(asked: Session, story: str, project: str | None, action: str, body: dict[str, Any]) -> None:
    asked.show(asked.client.post(f"stories/{story_id(asked, story, project)}/{action}", body))


def said(**members: Any) -> dict[str, Any]:
    """Without what was not said."""
    return {name: value for name, value in members.items() if value is not None}
