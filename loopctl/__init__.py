"""loopctl: client, command line, MCP server and log verifier. The only package in the wheel."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loopctl.async_client import AsyncClient
    from loopctl.client import Client
    from loopctl.conversation import Recorded
    from loopctl.failures import Failed, Refused, Unreachable, Unusable

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Client", "Failed", "Recorded", "Refused", "Unreachable", "Unusable", "__version__"]

WHERE = {
    "AsyncClient": "async_client",
    "Client": "client",
    "Recorded": "conversation",
    "Failed": "failures",
    "Refused": "failures",
    "Unreachable": "failures",
    "Unusable": "failures",
}


def __getattr__(name: str) -> Any:
    """Loaded where it is used: a command that explains itself needs no client."""
    if name not in WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{WHERE[name]}"), name)
