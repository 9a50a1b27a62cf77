"""One step of a story's way, as all of them are asked for."""

from typing import Any

from loopctl.cli.asked import Asked
from loopctl.cli.naming import story_id
from loopctl.client import Refused

CAPABILITIES = {
    "start": "start_cap", "report": "report_cap", "review-complete": "review_complete_cap", "verify": "verify_cap",
}  # fmt: skip
"""By the step that takes one."""


def taken(asked: Asked, story: str, project: str | None, action: str, body: dict[str, Any]) -> Any:
    """What the server answers. Where the step takes a capability, it is picked up first; whoever may not take the step
    gets none."""
    path = f"stories/{story_id(asked, story, project)}"
    try:
        return asked.client.post(f"{path}/{action}", body)
    except Refused as refused:
        if refused.code != "missing_capability":
            raise
        token = asked.client.post(f"{path}/recover-cap", {"cap_type": CAPABILITIES[action]})["data"]
        return asked.client.post(f"{path}/{action}", {**body, "cap_id": token["cap_id"]})


def said(**members: Any) -> dict[str, Any]:
    """Without what was not said."""
    return {name: value for name, value in members.items() if value is not None}
