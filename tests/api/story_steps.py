"""What can happen to a story's statuses, as events: the routes that decide them are tested elsewhere."""

from itertools import count
from typing import Any
from uuid import UUID, uuid4

from domain.event import Event
from domain.lifecycle import events as on
from tests.api.brute_force import ModelStory

AGENT, OTHER = UUID(int=1), UUID(int=2)

STEPS = {
    "contract": (("pending", None), ("contracted", None)),
    "claim": (("contracted", None), ("assigned", None)),
    "start": (("assigned", None), ("implementing", None)),
    "report": (("implementing", None), ("reported_done", None)),
    "verify": (("reported_done", "unverified"), ("reported_done", "verified")),
    "reject": (("reported_done", None), ("pending", "rejected")),
    "unclaim": (("assigned", None), ("pending", None)),
    "backfill": (("pending", "unverified"), ("reported_done", "verified")),
    "force_unclaim": ((None, None), ("pending", None)),
}
"""Statuses that a step begins and ends with, the agent's side and the verifier's; None for any, and for as it was."""


ROUNDS = count(1)
"""Numbers of verification results; of one story they must differ."""


def allowed(story: ModelStory, step: str) -> bool:
    (agent, verified), _ = STEPS[step]
    return agent in (None, story.agent) and verified in (None, story.verified)


def happened(project: str, story: ModelStory, step: str) -> list[Event]:
    """The events of the step; moves the story on."""
    place: Any = {"project_id": UUID(project), "epic_id": UUID(story.epic), "agent_status_was": story.agent}
    judged: Any = {
        **place, "verified_status_was": story.verified, "orchestrator_agent_id": OTHER, "verification_id": uuid4(),
        "iteration": next(ROUNDS),
    }  # fmt: skip
    events: dict[str, list[Event]] = {
        "contract": [on.StoryContracted(**place, agent_id=AGENT, contract_hash="0" * 64)],
        "claim": [on.StoryClaimed(**place, agent_id=AGENT, contracted_by_agent_id=None)],
        "start": [on.StoryStarted(**place, agent_id=AGENT)],
        "report": [on.StoryReported(**place, agent_id=OTHER, assigned_agent_id=AGENT)],
        "unclaim": [on.StoryUnclaimed(**place, agent_id=AGENT, assigned_agent_id_was=AGENT)],
        "force_unclaim": [on.StoryForceUnclaimed(**place, assigned_agent_id_was=None, orchestrator_agent_id=OTHER)],
        "verify": [on.StoryVerified(**judged, result="pass", summary="good")],
        "reject": [
            on.StoryRejected(**judged, reason="bad"),
            on.StoryAutoReset(**place, assigned_agent_id_was=AGENT, orchestrator_agent_id=OTHER),
        ],
        "backfill": [on.StoryBackfilled(**place, verified_status_was="unverified", reason="before")],
    }
    _, (agent, verified) = STEPS[step]
    story.agent, story.verified = agent or story.agent, verified or story.verified
    return events[step]
