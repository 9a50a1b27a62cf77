"""What is posted to /mcp (docs/mcp.md)."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType


class MessageBody(Struct, frozen=True):
    """A request or a notification of JSON-RPC 2.0."""

    jsonrpc: Annotated[str, Meta(max_length=8)]
    method: Annotated[str, Meta(max_length=255)]
    id: Any | UnsetType = UNSET
    params: dict[str, Any] | UnsetType = UNSET
