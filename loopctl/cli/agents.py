"""`loopctl agent`."""

import os
from pathlib import Path

from cyclopts import App
from msgspec.json import encode

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import agent_id
from loopctl.cli.options import FIRST_PAGE, PLAIN, Common, JsonText, Pages
from loopctl.cli.output import Columns
from loopctl.cli.reading import json_argument
from loopctl.cli.session import session
from loopctl.cli.settings import ANY, IMPLEMENTING, OWNING, PLANNING
from loopctl.cli.stepping import said
from loopctl.cli.vocabulary import AgentType

app = App(name="agent")

AGENT: Columns = ("id", "name", "agent_type", "status", "last_seen_at")


@app.command
def register(
    *, name: str, type: AgentType = "implementer", metadata: JsonText | None = None, common: Common = PLAIN  # noqa: A002  # the name of the option
) -> None:  # fmt: skip
    """Register an agent; the key that asks, an agent's, belongs to it from then on.

    An orchestrator's key is made for an agent that exists: loopctl keys create --role orchestrator --agent ID.

    Parameters
    ----------
    type
        implementer or orchestrator.
    metadata
        A JSON object; @FILE reads a file, - standard input.
    """
    body = said(name=name, agent_type=type, metadata=json_argument("--metadata", metadata))
    with session(common, IMPLEMENTING) as asked:
        asked.show(asked.client.post("agents/register", body))


@app.command(name="list")
def list_(*, pages: Pages = FIRST_PAGE, common: Common = PLAIN) -> None:
    """List the agents."""
    with session(common, PLANNING) as asked:
        asked.show_list("agents", pages, AGENT)


@app.command
def new_cosigner(agent: str, /, *, output: Path, common: Common = PLAIN) -> None:
    """Make an agent's own key, with which its commands sign the heads of the log that they have checked.

    The tenant takes it when a user says so, with what this prints: loopctl agent set-cosigner. From then on:
    loopctl config set cosigner_key FILE, where the agent works.

    Parameters
    ----------
    agent
        Its id or name.
    output
        The file for the key, which is written over nothing.
    """
    # Signatures are loaded where they are made.
    from loopctl.cosigning import new_key  # noqa: PLC0415  # as said
    from loopctl.tlog.vkey import parse_vkey  # noqa: PLC0415  # as said

    with session(common, ANY) as asked:
        id_ = agent_id(asked, agent)
        tenant = asked.client.get("tenants/me")["tenant"]["id"]
        log = asked.client.get(f"tenants/{tenant}/audit_public_keys")["data"][-1]["vkey"]
        key = new_key(id_)
        try:
            with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(encode(key) + b"\n")
        except OSError as error:
            raise Stop(
                Exit.USAGE, f"{output} cannot be written ({error.strerror}).", "Say another: --output FILE"
            ) from None
        made = key.cosigner(parse_vkey(log).name)
        asked.show({"agent_id": id_, "cosigner": made.vkey, "cosigner_proof": made.proof})


@app.command
def set_cosigner(agent: str, /, *, cosigner: str, proof: str, common: Common = PLAIN) -> None:
    """Take a key for the agent's own; another one takes the place of the earlier.

    Parameters
    ----------
    agent
        Its id or name.
    cosigner
        The key, as loopctl agent new-cosigner has printed it.
    proof
        That the agent has it, from the same place.
    """
    with session(common, OWNING) as asked:
        body = {"cosigner": cosigner, "cosigner_proof": proof}
        asked.show(asked.client.request("PATCH", f"agents/{agent_id(asked, agent)}", body))
