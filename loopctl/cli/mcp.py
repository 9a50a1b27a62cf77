"""`loopctl mcp`: which key asks, and what its role may; the tools are in loopctl/mcp."""

import os
from typing import Any

from loopctl.cli.exits import Exit, Stop, exit_of
from loopctl.cli.output import Output
from loopctl.cli.session import NO_SERVER, OF_AGENTS, Session, connect, cosigning
from loopctl.cli.settings import ROLES, Key, Settings, variable
from loopctl.client import Client, Refused

KEYS = ("api_key", *ROLES.values(), "reviewer_key")
ONE = "Give each role an MCP server of its own, with its key alone in LOOPCTL_API_KEY."


def mcp() -> None:
    """Serve the tools of a key's role to an agent, over standard input and output (Model Context Protocol).

    The key is the one of the environment, LOOPCTL_API_KEY; with two of them it does not start. LOOPCTL_SERVER says
    where, LOOPCTL_PROJECT which project is meant when a tool is not told. docs/mcp.md has a configuration.
    """
    settings = Settings()
    key = only_key(settings)
    if os.environ.get("LOOPCTL_TOOLS"):
        raise Stop(
            Exit.USAGE, "LOOPCTL_TOOLS does nothing yet: there is one set of tools.", "Take it away.", code="not_built"
        )
    server = settings.get("server")
    if not server:
        raise Stop(Exit.USAGE, "No server is known.", NO_SERVER)
    serve, tools = _surface()
    cosign = cosigning(settings.get("cosigner_key")) if key.setting in OF_AGENTS else None
    client = connect(server, key.value, cosign, Client)
    try:
        role = _role(client, key)
        serve(Session(client, Output(), settings), tools[role])
    finally:
        client.close()


def only_key(settings: Settings) -> Key:
    """Of the environment alone: what is kept in a file may be somebody else's. Raises Stop unless there is one."""
    found = [Key(value, name, variable(name)) for name in KEYS if (value := settings.from_environment(name))]
    if len(found) > 1:
        names = ", ".join(key.origin for key in found)
        raise Stop(Exit.USAGE, f"There are several keys in the environment ({names}): one process, one identity.", ONE)
    if not found:
        raise Stop(Exit.USAGE, "There is no key in the environment.", ONE)
    return found[0]


def _role(client: Client, key: Key) -> str:
    """Raises Stop for a key that the server does not take."""
    try:
        return str(client.get("tenants/me")["api_key"]["role"])
    except Refused as refused:
        message = f"The server does not take {key.origin}: {refused.error.get('message', '')}"
        raise Stop(exit_of(refused.status), message, ONE, code=refused.code, status=refused.status) from None


def _surface() -> tuple[Any, Any]:
    """Loaded here alone. Raises Stop without the SDK."""
    try:
        from loopctl.mcp.serving import serve  # noqa: PLC0415  # as said
        from loopctl.mcp.tools import TOOLS  # noqa: PLC0415  # as said
    except ModuleNotFoundError as error:
        if error.name not in ("anyio", "mcp", "mcp_types"):
            raise
        raise Stop(Exit.USAGE, "loopctl mcp needs the library mcp.", "pip install 'loopctl[mcp]'") from None
    return serve, TOOLS
