"""From a call to what it answers: the arguments are checked, the tool acts, a failure is told. No SDK is needed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct, ValidationError, convert

from loopctl.cli.asked import Asked
from loopctl.client import Client
from loopctl.mcp.telling import Failure, failure_of, own
from loopctl.mcp.tools import Tool


class Session(Asked, Protocol):
    """Whose requests a tool's are."""

    @property
    def client(self) -> Client: ...


class One(Struct, frozen=True):
    """A session of one key. ``project`` is the one that is meant when a call says none."""

    client: Client
    project: str | None


Act = Callable[[Tool, Any], Awaitable[Any]]
"""Has a tool act on arguments of its type, where that may wait: `acted`, with a session."""


def acted(session: Session, tool: Tool, given: Any) -> Any:
    """What the tool answers, or a Failure."""
    client = session.client
    client.patient(tool.seconds)
    client.under_way = None
    try:
        return tool.act(session, given)
    except Exception as error:  # noqa: BLE001  # what is no failure of the call is raised again
        return failure_of(error, client)


class Calls:
    """Of the tools that one caller has."""

    def __init__(self, tools: Sequence[Tool], act: Act) -> None:
        self.tools: Mapping[str, Tool] = {tool.name: tool for tool in tools}
        self._act = act

    async def carry_out(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """What the tool answers, or a Failure."""
        tool = self.tools.get(name)
        if tool is None:
            return self._no_tool(name)
        try:
            # Some clients send null for what they leave out.
            given = convert({name: value for name, value in arguments.items() if value is not None}, tool.takes)
        except ValidationError as error:
            return own("invalid_arguments", f"{error}.", f"{tool.name} takes {_names(tool)}.")
        return await self._act(tool, given)

    def _no_tool(self, name: str) -> Failure:
        there = ", ".join(self.tools)
        shown = name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}…"
        return own("unknown_tool", f"There is no tool {shown!r} for this key.", f"There are: {there}.")


LONGEST_SHOWN = 64
"""Letters of a name that there is not."""


def _names(tool: Tool) -> str:
    schema = tool.schema()
    needed = schema.get("required", [])
    return ", ".join(name if name in needed else f"{name}?" for name in schema["properties"]) or "nothing"
