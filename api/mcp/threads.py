"""Where tools act, and where the library that speaks their protocol is loaded."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from loopctl.mcp.carrying_out import Calls, Session, acted
from loopctl.mcp.tools import Tool

USUAL_SECONDS = sys.getswitchinterval()
SECONDS_WHILE_LOADING = 0.0005
"""How long a thread may keep the interpreter while another one waits for it. Half a second of loading would otherwise
make each request beside it wait for 5 ms again and again (docs/performance.md)."""

Speak = Callable[[Calls, Mapping[bytes, bytes], bytes], Awaitable[Any]]


class ToolThreads:
    """Nothing is started and nothing is loaded before the first call: who calls no tools does not pay for them."""

    def __init__(self, most: int) -> None:
        """``most`` tools act at a time."""
        self._pool = ThreadPoolExecutor(most, "tool")
        self._loading = asyncio.Lock()
        self._speak: Speak | None = None

    async def act(self, session: Session, tool: Tool, given: Any) -> Any:
        """What the tool answers, or a Failure."""
        return await self._run(partial(acted, session, tool, given))

    async def speak(self) -> Speak:
        if self._speak is None:
            async with self._loading:
                self._speak = self._speak or await self._run(_loaded)
        return self._speak

    async def _run(self, call: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)


def _loaded() -> Speak:
    sys.setswitchinterval(SECONDS_WHILE_LOADING)
    try:
        from loopctl.mcp.over_http import replied  # noqa: PLC0415  # as said
    finally:
        sys.setswitchinterval(USUAL_SECONDS)
    return replied
