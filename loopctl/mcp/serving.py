"""The tools of one key over standard input and output: the one module that needs the SDK."""

from collections.abc import Mapping, Sequence
from typing import Any

import anyio
import mcp_types as types
from anyio.to_thread import run_sync
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from msgspec import ValidationError, convert

from loopctl import __version__
from loopctl.cli.output import json_text
from loopctl.cli.session import Session
from loopctl.mcp.telling import Failure, failure_of, own
from loopctl.mcp.tools import ENDS, NOT_BUILT, READS, Tool

INSTRUCTIONS = (
    "loopctl keeps the state of a project's stories: who works on what, who confirmed it. Begin with resume. "
    "Nobody confirms their own work; a refusal says what comes next."
)
Context = ServerRequestContext[Any]


class Surface:
    """``session`` asks with the one key whose role has these tools. One call at a time: it has one connection."""

    def __init__(self, session: Session, tools: Sequence[Tool]) -> None:
        self._session = session
        self._tools: Mapping[str, Tool] = {tool.name: tool for tool in tools}
        self._turn = anyio.Lock()

    async def list(self, _: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_listed(tool) for tool in self._tools.values()])

    async def call(self, _: Context, wanted: types.CallToolRequestParams) -> types.CallToolResult:
        tool = self._tools.get(wanted.name)
        if tool is None:
            return _failed(self._no_tool(wanted.name))
        try:
            given = convert(wanted.arguments or {}, tool.takes)
        except ValidationError as error:
            return _failed(own("invalid_arguments", f"{error}.", f"{tool.name} takes {_names(tool)}."))
        async with self._turn:
            said = await run_sync(self._act, tool, given)
        return _failed(said) if isinstance(said, Failure) else _answered(said)

    def _act(self, tool: Tool, given: Any) -> Any:
        client = self._session.client
        client.patient(tool.seconds)
        client.under_way = None
        try:
            return tool.act(self._session, given)
        except Exception as error:  # noqa: BLE001  # what is no failure of the call is raised again
            return failure_of(error, client)

    def _no_tool(self, name: str) -> Failure:
        there = ", ".join(self._tools)
        if name in NOT_BUILT:
            return own("not_built", f"{name} is not built yet.", f"Go on without it. There are: {there}.")
        return own("unknown_tool", f"This key's role has no tool {name!r}.", f"There are: {there}.")


def serve(session: Session, tools: Sequence[Tool]) -> None:
    """Until standard input ends."""
    anyio.run(_serve, Surface(session, tools))


async def _serve(surface: Surface) -> None:
    server: Server[Any] = Server(
        "loopctl", version=__version__, title="loopctl", instructions=INSTRUCTIONS, on_list_tools=surface.list,
        on_call_tool=surface.call,
    )  # fmt: skip
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def _listed(tool: Tool) -> types.Tool:
    reads = tool.effect == READS
    hints = types.ToolAnnotations(read_only_hint=True) if reads else types.ToolAnnotations(
        read_only_hint=False, destructive_hint=tool.effect == ENDS
    )  # fmt: skip
    return types.Tool(
        name=tool.name, title=tool.title, description=tool.description, input_schema=tool.schema(), annotations=hints
    )


def _names(tool: Tool) -> str:
    schema = tool.schema()
    needed = schema.get("required", [])
    return ", ".join(name if name in needed else f"{name}?" for name in schema["properties"])


def _answered(body: Any) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=json_text(body))], structured_content=body)


def _failed(failure: Failure) -> types.CallToolResult:
    content: list[types.ContentBlock] = [types.TextContent(text=failure.line)]
    return types.CallToolResult(content=content, structured_content=failure.body, is_error=True)
