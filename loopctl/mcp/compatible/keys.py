"""Which key asks for which tool. A key that is not there is said, and no other role's takes its place."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from loopctl.client import Client
from loopctl.mcp.carrying_out import One, acted
from loopctl.mcp.telling import Failure, own
from loopctl.mcp.tools import Tool

EVERY = "api_key"
"""Asks for everything where it is there: of an agent that was sent with a key of its own."""
OF_TOOLS: Mapping[str, tuple[str, ...]] = {
    "agent": ("agent_key",),
    "orch": ("orch_key",),
    "user": ("user_key",),
    "review": ("reviewer_key", "orch_key"),
    "reads": ("orch_key", "agent_key", "user_key", "reviewer_key"),
    "public": ("orch_key", "agent_key", "user_key", "reviewer_key"),
}
"""By what a tool says of its key: settings, of which the first that is there is taken. Every role may read."""
DROPPED = (
    "LOOPCTL_REVIEWER_KEY is not used beside LOOPCTL_AGENT_KEY: who has both could review its own work. report_story "
    "and review_complete ask with LOOPCTL_ORCH_KEY."
)
ALONE = "LOOPCTL_API_KEY asks for every tool; the other keys of the environment are not used."


def usable(keys: Mapping[str, str], note: Callable[[str], None]) -> Mapping[str, str]:
    """By setting; what is left out is noted."""
    if EVERY in keys:
        if len(keys) > 1:
            note(ALONE)
        return {EVERY: keys[EVERY]}
    if "agent_key" in keys and "reviewer_key" in keys:
        note(DROPPED)
        return {name: key for name, key in keys.items() if name != "reviewer_key"}
    return keys


class Keyring:
    """``connect`` makes a client with the key of a setting, or with none."""

    def __init__(self, keys: Iterable[str], connect: Callable[[str | None], Client], project: str | None) -> None:
        self._there = frozenset(keys)
        self._connect = connect
        self._project = project
        self._clients: dict[str | None, Client] = {}

    def act(self, tool: Tool, given: Any) -> Any:
        """What the tool answers, or a Failure."""
        setting = self._setting(tool)
        if setting is None and tool.key != "public":
            return _missing(tool)
        return acted(One(self._client(setting), self._project), tool, given)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _setting(self, tool: Tool) -> str | None:
        return next((name for name in (EVERY, *OF_TOOLS[tool.key]) if name in self._there), None)

    def _client(self, setting: str | None) -> Client:
        if setting not in self._clients:
            self._clients[setting] = self._connect(setting)
        return self._clients[setting]


def _missing(tool: Tool) -> Failure:
    wanted = " or ".join(f"LOOPCTL_{name.upper()}" for name in OF_TOOLS[tool.key])
    return own(
        "no_key", f"{tool.name} asks with {wanted}, which this process does not have.",
        "A person adds it to env of this MCP server. No other role's key takes its place.",
    )  # fmt: skip
