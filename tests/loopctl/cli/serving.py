"""`loopctl mcp` as a process of its own, spoken to with the official client."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from mcp import StdioServerParameters
from mcp.client import Client
from mcp_types import CallToolResult, TextContent

from loopctl.mcp.telling import Failure
from tests.loopctl.cli.outside import environment

SECONDS = 60


class Tools:
    """What an agent has of it. ``done`` are the names of the tools that answered."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.done: set[str] = set()

    async def ask(self, name: str, /, **arguments: Any) -> CallToolResult:
        return await self.client.call_tool(name, arguments)

    async def good(self, name: str, /, **arguments: Any) -> Any:
        """What it answers; it has to succeed, and say the same as text."""
        result = await self.ask(name, **arguments)
        assert not result.is_error, text(result)
        self.done.add(name)
        return result.structured_content

    async def refused(self, name: str, /, **arguments: Any) -> Failure:
        """How it is refused: what the model reads is the line of it."""
        result = await self.ask(name, **arguments)
        assert result.is_error, text(result)
        said = result.structured_content
        failure = Failure(said["error"], said.get("hint", ""))
        assert text(result) == failure.line
        return failure


@asynccontextmanager
async def tools(
    home: Path, server: str, key: str, project: str = "", mode: Literal["legacy", "auto"] = "auto"
) -> AsyncIterator[Tools]:
    started = StdioServerParameters(
        command=sys.executable, args=["-m", "loopctl", "mcp"],
        env=environment(home, server, LOOPCTL_API_KEY=key, LOOPCTL_PROJECT=project),
    )  # fmt: skip
    async with Client(started, mode=mode, read_timeout_seconds=SECONDS) as client:
        yield Tools(client)


def text(result: CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text
