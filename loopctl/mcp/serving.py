"""The tools over the Model Context Protocol: lists them, calls them, and tells failures as results.

This, over_http.py and unreadable.py are all that needs the SDK.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import anyio
import mcp_types as types
from anyio.to_thread import run_sync
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from msgspec import Struct
from msgspec.json import encode

from loopctl import __version__
from loopctl.mcp.carrying_out import Calls
from loopctl.mcp.telling import Failure
from loopctl.mcp.tools import ENDS, READS, Tool
from loopctl.mcp.unreadable import Readable

INSTRUCTIONS = (
    "loopctl keeps the state of a project's stories: who works on what, who confirmed it. Begin with resume. "
    "Nobody confirms their own work; a refusal says what comes next."
)
Context = ServerRequestContext[Any]


Result = types.CallToolResult


class Manner(Struct, frozen=True):
    """How a surface says what a tool answers, and how it failed."""

    answered: Callable[[Any], Result]
    failed: Callable[[Failure], Result]
    instructions: str = INSTRUCTIONS


def server_of(calls: Calls, manner: Manner | None = None) -> Server[Any]:
    how = manner or SHORT

    async def listed(_: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[listing(tool) for tool in calls.tools.values()])

    async def called(_: Context, wanted: types.CallToolRequestParams) -> types.CallToolResult:
        said = await calls.carry_out(wanted.name, wanted.arguments or {})
        return how.failed(said) if isinstance(said, Failure) else how.answered(said)

    return Server(
        "loopctl", version=__version__, title="loopctl", instructions=how.instructions, on_list_tools=listed,
        on_call_tool=called,
    )  # fmt: skip


def serve(tools: Sequence[Tool], act: Callable[[Tool, Any], Any], manner: Manner | None = None) -> None:
    """Over standard input and output, until the input ends. ``act`` is called once at a time: it has one connection."""
    turn = anyio.Lock()

    async def in_turn(tool: Tool, given: Any) -> Any:
        async with turn:
            return await run_sync(act, tool, given)

    async def run() -> None:
        server = server_of(Calls(tools, in_turn), manner)
        async with stdio_server() as (read, write):
            await server.run(Readable(read, write), write, server.create_initialization_options())

    anyio.run(run)


@lru_cache(maxsize=256)
def listing(tool: Tool) -> types.Tool:
    reads = tool.effect == READS
    hints = types.ToolAnnotations(read_only_hint=True) if reads else types.ToolAnnotations(
        read_only_hint=False, destructive_hint=tool.effect == ENDS, idempotent_hint=tool.repeats or None
    )  # fmt: skip
    return types.Tool(
        name=tool.name, title=tool.title, description=tool.description, input_schema=tool.schema(),
        output_schema=tool.answer_schema(), annotations=hints,
    )  # fmt: skip


def _answered(body: Any) -> Result:
    return Result(content=[types.TextContent(text=encode(body).decode())], structured_content=body)


def _failed(failure: Failure) -> Result:
    content: list[types.ContentBlock] = [types.TextContent(text=failure.line)]
    return Result(content=content, structured_content=failure.body, is_error=True)


SHORT = Manner(_answered, _failed)
