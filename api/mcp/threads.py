"""Where tools act, and where the library that speaks their protocol is loaded, if it is installed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from api.http.refusal import Refused
from loopctl.mcp.carrying_out import Calls, Session, acted
from loopctl.mcp.tools import Tool

LACKING = (
    "Not built: this server has no tools over HTTP, because the library that speaks MCP is not installed with it. Its "
    "operator adds it: pip install 'loopctl[mcp]'. Until then: loopctl mcp."
)
LIBRARIES = ("anyio", "mcp", "mcp_types", "pydantic", "pydantic_core", "starlette")

Speak = Callable[[Calls, Mapping[bytes, bytes], bytes], Awaitable[Any]]


class ToolThreads:
    """Nothing is started and nothing is loaded before the first call: who calls no tools does not pay for them."""

    def __init__(self, most: int) -> None:
        """``most`` tools act at a time."""
        self._pool = ThreadPoolExecutor(most, "tool")
        self._speak: Speak | None = None

    async def act(self, session: Session, tool: Tool, given: Any) -> Any:
        """What the tool answers, or a Failure."""
        return await self._run(partial(acted, session, tool, given))

    async def speak(self) -> Speak:
        """Raises Refused where the library is not there."""
        if self._speak is None:
            self._speak = await self._run(_loaded)
        return self._speak

    async def _run(self, call: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)


def _loaded() -> Speak:
    try:
        from loopctl.mcp.over_http import replied  # noqa: PLC0415  # as said
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in LIBRARIES:
            raise
        raise Refused("not_built", LACKING) from None
    return replied
