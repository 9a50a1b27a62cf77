"""`loopctl state`: what an orchestrator remembers between two runs."""

from cyclopts import App

from loopctl.cli.naming import project_id
from loopctl.cli.options import ANYWHERE, JsonText, Scope
from loopctl.cli.reading import json_argument
from loopctl.cli.session import Session, session
from loopctl.cli.settings import JUDGING
from loopctl.cli.stepping import said
from loopctl.client import Refused

app = App(name="state")


@app.command
def save(*, data: JsonText, key: str = "main", version: int | None = None, scope: Scope = ANYWHERE) -> None:
    """Save the state: the next version of what is there.

    Parameters
    ----------
    data
        A JSON object; @FILE reads a file, - standard input.
    key
        Name of the state.
    version
        The version that is replaced; refused when it is not the newest any more. Without it, whatever is there.
    """
    body = json_argument("--data", data)
    with session(scope, JUDGING) as asked:
        path = f"orchestrator/state/{project_id(asked, scope.project)}"
        known = version if version is not None else _version(asked, path, key)
        asked.show(asked.client.request("PUT", path, said(state_key=key, state_data=body, version=known)))


@app.command
def load(*, key: str = "main", scope: Scope = ANYWHERE) -> None:
    """Show the newest state."""
    with session(scope, JUDGING) as asked:
        asked.show(asked.client.get(f"orchestrator/state/{project_id(asked, scope.project)}", state_key=key))


def _version(asked: Session, path: str, key: str) -> int:
    try:
        return int(asked.client.get(path, state_key=key)["state"]["version"])
    except Refused as refused:
        if refused.status != 404:
            raise
        return 0
