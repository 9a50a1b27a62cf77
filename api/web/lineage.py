"""By whom a hand was sent: the dispatches from a root down to the one that it worked under."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from msgspec import Struct

from api.dispatches.routes import show_dispatch
from api.web.reading import Reader
from domain.errors import NotFound


class Link(Struct, frozen=True):
    """A dispatch, or the long-lived key at the root, of which no dispatch is known."""

    id: str
    who: str
    role: str
    story_id: str | None = None


class Lineage(Struct, frozen=True):
    links: Sequence[Link]
    """From the root to the dispatch itself."""
    human_root: bool
    """A person has made the root."""

    def shared_with(self, other: "Lineage | None") -> Sequence[Link]:
        """Who stands above both, or is one of them. Whether that makes them relatives is the tenant's policy: under a
        person's root everybody would be everybody's."""
        theirs = {link.id for link in other.links} if other else set[str]()
        return [link for link in self.links if link.id in theirs]


async def lineage_of(reader: Reader, dispatch_id: str | None, names: Mapping[str, str]) -> Lineage | None:
    """None without a dispatch: then it worked with a long-lived key of its own."""
    if dispatch_id is None or not reader.may(show_dispatch):
        return None
    whole = (await reader.read(show_dispatch, dispatch_id=UUID(dispatch_id)))["data"]
    return Lineage([await _link(reader, each, names) for each in whole["lineage_path"]], whole["human_root"])


async def _link(reader: Reader, id_: str, names: Mapping[str, str]) -> Link:
    try:
        found = (await reader.read(show_dispatch, dispatch_id=UUID(id_)))["data"]
    except NotFound:
        return Link(id_, "a long-lived key", "orchestrator")
    return Link(id_, names[found["agent_id"]] if found["agent_id"] else "no agent", found["role"], found["story_id"])
