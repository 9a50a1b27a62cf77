"""`loopctl agent`."""

from cyclopts import App

from loopctl.cli.confirming import json_object
from loopctl.cli.options import FIRST_PAGE, PLAIN, Common, Pages
from loopctl.cli.output import Columns
from loopctl.cli.session import session
from loopctl.cli.stepping import said

app = App(name="agent")

AGENT: Columns = ("id", "name", "agent_type", "status", "last_seen_at")


@app.command
def register(
    *, name: str, type: str = "implementer", metadata: str | None = None, common: Common = PLAIN  # noqa: A002  # the name of the option
) -> None:  # fmt: skip
    """Register an agent; the key that asks, an agent's, belongs to it from then on.

    An orchestrator's key is made for an agent that exists: loopctl keys create --role orchestrator --agent ID.

    Parameters
    ----------
    type
        implementer or orchestrator.
    metadata
        A JSON object.
    """
    body = said(name=name, agent_type=type, metadata=json_object("--metadata", metadata))
    with session(common, "agent") as asked:
        asked.show(asked.client.post("agents/register", body))


@app.command(name="list")
def list_(*, pages: Pages = FIRST_PAGE, common: Common = PLAIN) -> None:
    """List the agents."""
    with session(common) as asked:
        asked.show_list("agents", pages, AGENT)
