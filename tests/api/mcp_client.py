"""The official client of MCP, against an application in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.loopctl.cli.serving import Tools

SECONDS = 60


@asynccontextmanager
async def over_http(
    app: Any, key: str, mode: Literal["legacy", "auto"] = "auto", **headers: str
) -> AsyncIterator[Tools]:
    """``headers`` with underscores for hyphens."""
    said = {"Authorization": f"Bearer {key}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with (
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), headers=said, timeout=SECONDS) as http,
        Client(
            streamable_http_client("http://loopctl.test/mcp", http_client=http), mode=mode, read_timeout_seconds=SECONDS
        ) as client,
    ):
        yield Tools(client)
