"""`loopctl mcp`: which key asks, and what its role may; the tools are in loopctl/mcp."""

import os
from functools import partial
from importlib import import_module
from typing import Any

from loopctl.cli.exits import Exit, Stop, exit_of
from loopctl.cli.output import note
from loopctl.cli.session import NO_SERVER, OF_AGENTS, connect, cosigning
from loopctl.cli.settings import ROLES, Key, Settings, variable
from loopctl.client import Client, Refused

KEYS = ("api_key", *ROLES.values(), "reviewer_key")
ONE = "Give each role an MCP server of its own, with its key alone in LOOPCTL_API_KEY."


def mcp() -> None:
    """Serve the tools of a key's role to an agent, over standard input and output (Model Context Protocol).

    The key is the one of the environment, LOOPCTL_API_KEY; with two of them it does not start. LOOPCTL_SERVER says
    where, LOOPCTL_PROJECT which project is meant when a tool is not told. With LOOPCTL_TOOLS=all there are the 52 tools
    that guides name, each with its key: LOOPCTL_ORCH_KEY, LOOPCTL_AGENT_KEY, LOOPCTL_USER_KEY. docs/mcp.md has
    configurations.
    """
    settings = Settings()
    asked_for = os.environ.get("LOOPCTL_TOOLS", "")
    if asked_for not in ("", "all"):
        raise Stop(Exit.USAGE, f"LOOPCTL_TOOLS is all or not there, and not {asked_for!r}.", "Take it away.")
    if asked_for:
        _all_tools(settings)
    else:
        _of_one_role(settings)


def _of_one_role(settings: Settings) -> None:
    key = only_key(settings)
    server = _server(settings)
    serving = _loaded("loopctl.mcp.serving")
    client = _connected(server, key.value, key.setting, settings)
    try:
        tools = _loaded("loopctl.mcp.tools").TOOLS[_role(client, key)]
        one = _loaded("loopctl.mcp.carrying_out")
        serving.serve(tools, partial(one.acted, one.One(client, settings.get("project"))))
    finally:
        client.close()


def _all_tools(settings: Settings) -> None:
    server = _server(settings)
    manner, keys = _loaded("loopctl.mcp.compatible.manner"), _loaded("loopctl.mcp.compatible.keys")
    found = {name: value for name in KEYS if (value := settings.from_environment(name)) and name != "superadmin_key"}
    usable = keys.usable(found, note)

    def connect_with(setting: str | None) -> Client:
        return _connected(server, usable[setting] if setting else None, setting, settings)

    ring = keys.Keyring(usable, connect_with, settings.get("project"))
    try:
        _loaded("loopctl.mcp.serving").serve(_loaded("loopctl.mcp.compatible.tools").TOOLS, ring.act, manner.MANNER)
    finally:
        ring.close()


def _server(settings: Settings) -> str:
    server = settings.get("server")
    if not server:
        raise Stop(Exit.USAGE, "No server is known.", NO_SERVER)
    return server


def _connected(server: str, key: str | None, setting: str | None, settings: Settings) -> Client:
    cosign = cosigning(settings.get("cosigner_key")) if setting in OF_AGENTS else None
    return connect(server, key, cosign, Client)


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


def _loaded(module: str) -> Any:
    """Here alone. Raises Stop without the SDK."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in ("anyio", "mcp", "mcp_types"):
            raise
        raise Stop(Exit.USAGE, "loopctl mcp needs the library mcp.", "pip install 'loopctl[mcp]'") from None
