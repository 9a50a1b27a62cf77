"""Asks the service how it is, as any client would."""

import asyncio
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # recognised here, never bound
"""What to connect to when the service listens everywhere."""


async def wait_until_healthy(address: str, timeout_seconds: float = 60.0) -> str | None:
    """Returns None when healthy, the reason when sealed. Raises TimeoutError."""
    async with asyncio.timeout(timeout_seconds):
        while True:
            answer = await asyncio.to_thread(_ask, address)
            if answer.get("status") == "ok":
                return None
            if answer.get("status") == "sealed":
                return str(answer.get("reason", "no reason given"))
            await asyncio.sleep(0.05)


def _ask(address: str) -> dict[str, Any]:
    """The /health document, whatever its status; empty when there is no answer yet."""
    parts = urlsplit(address)
    host = parts.hostname or "127.0.0.1"
    connection = http.client.HTTPConnection(ANY_ADDRESS.get(host, host), parts.port, timeout=5)
    try:
        connection.request("GET", "/health")
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()
    return answer
