"""Names of agents and stories for pages that have only their ids."""

from collections.abc import Mapping

from api.agents.routes import list_agents_of_tenant
from api.agents.schemas import AgentsQuery
from api.web.reading import Reader
from api.web.words import short


class Names(dict[str, str]):
    """Of agents by id; of one that is not known the end of its id."""

    def __missing__(self, agent_id: str) -> str:
        return f"…{short(agent_id)}"


async def agent_names(reader: Reader) -> Mapping[str, str]:
    """Nobody's, for a role that may not list agents."""
    if not reader.may(list_agents_of_tenant):
        return Names()
    agents = await reader.all(list_agents_of_tenant, AgentsQuery(page_size=100))
    return Names({agent["id"]: agent["name"] for agent in agents})
