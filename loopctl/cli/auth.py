"""`loopctl auth`: which server, which key."""

from cyclopts import App

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.options import PLAIN, Common
from loopctl.cli.output import Output, note
from loopctl.cli.session import NO_SERVER, connect, session
from loopctl.cli.settings import ROLES, Settings
from loopctl.client import Refused

app = App(name="auth")


@app.command
def login(*, key: str | None = None, role: str | None = None, common: Common = PLAIN) -> None:
    """Try a key and keep it, with its server, in ~/.loopctl/config.json (only its owner can read it).

    Parameters
    ----------
    key
        The API key. Without it one line is read from the standard input.
    role
        agent, orchestrator or user: keep it beside the others, for the commands that need this role.
    """
    settings = Settings()
    server = common.server or settings.get("server")
    if not server:
        raise Stop(Exit.USAGE, "Which server?", NO_SERVER)
    if role is not None and role not in ROLES:
        raise Stop(Exit.USAGE, f"--role is one of {', '.join(ROLES)}.")
    key = key or common.api_key or _asked_for()
    client = connect(server, key)
    try:
        said = client.get("tenants/me")
    except Refused as refused:
        note(f"Login failed ({refused.status}); nothing was saved.")
        raise
    finally:
        client.close()
    settings.store(**{"server": server.rstrip("/"), ROLES.get(role or "", "api_key"): key})
    note(f"Credentials saved. Server: {server}")
    Output(common.format or settings.get("format"), common.fields).body(said)


@app.command
def whoami(*, common: Common = PLAIN) -> None:
    """Show the tenant, and which key asks: its role, its agent."""
    with session(common) as asked:
        asked.show(asked.client.get("tenants/me"))


@app.command
def logout(*, common: Common = PLAIN) -> None:
    """Forget every key; the server's address stays."""
    Settings().store(api_key=None, agent_key=None, orch_key=None, user_key=None)
    Output(common.format).note("Keys forgotten.")


def _asked_for() -> str:
    try:
        return input().strip()
    except EOFError:
        raise Stop(Exit.USAGE, "No key was given.", NO_SERVER) from None
