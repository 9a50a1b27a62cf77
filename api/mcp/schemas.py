"""What is posted to /mcp (docs/mcp.md)."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class MessageBody(Struct, frozen=True):
    """A request or a notification of JSON-RPC 2.0."""

    jsonrpc: str
    method: str
    id: Any | UnsetType = UNSET
    params: dict[str, Any] | UnsetType = UNSET
