"""Whether the same actor has already made the transition that it asks for."""

from domain.lifecycle.identity import Identity
from domain.story import Story


def already_holds(story: Story, action: str, who: Identity) -> bool:
    """The story is in the state that an earlier call of the same action by this actor has left it in."""
    match action:
        case "contract":
            return story.agent_status == "contracted" and story.contracted_by_agent_id == who.agent_id
        case "claim":
            return story.agent_status == "assigned" and story.assigned_agent_id == who.agent_id
        case "start":
            return story.agent_status == "implementing" and story.assigned_agent_id == who.agent_id
        case "report":
            return story.agent_status == "reported_done" and story.reported_by_agent_id == who.agent_id
        case _:
            return False
