"""Asks the service how it is, as any client would."""

import asyncio
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from config.settings import EVERYWHERE


async def wait_until_healthy(address: str, timeout_seconds: float = 60.0) -> str | None:
    """Returns None when healthy, the reason when sealed. Raises TimeoutError, with what /health said last."""
    answer: dict[str, Any] = {}
    try:
        async with asyncio.timeout(timeout_seconds):
            while True:
                answer = await asyncio.to_thread(_ask, address)
                if answer.get("status") == "ok":
                    return None
                if answer.get("status") == "sealed":
                    return str(answer.get("reason", "The keys at rest are missing."))
                await asyncio.sleep(0.05)
    except TimeoutError:
        failing = [name for name, state in answer.get("checks", {}).items() if state != "ok"]
        raise TimeoutError(f"not healthy: {', '.join(failing)}" if failing else "/health does not answer") from None


def _ask(address: str) -> dict[str, Any]:
    """The /health document, whatever its status; empty when there is no answer yet."""
    parts = urlsplit(address)
    host = parts.hostname or "127.0.0.1"
    connection = http.client.HTTPConnection(EVERYWHERE.get(host, host), parts.port, timeout=5)
    try:
        connection.request("GET", "/health")
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()
    return answer
