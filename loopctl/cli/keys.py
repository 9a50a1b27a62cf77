"""`loopctl keys`."""

from cyclopts import App

from loopctl.cli.naming import agent_id
from loopctl.cli.options import FIRST_PAGE, PLAIN, Common, Flag, Pages
from loopctl.cli.output import KEY, note
from loopctl.cli.session import session
from loopctl.cli.settings import OWNING
from loopctl.cli.stepping import said
from loopctl.cli.vocabulary import KeyRole

app = App(name="keys")


@app.command
def create(
    *, name: str, role: KeyRole, agent: str | None = None, expires_at: str | None = None, common: Common = PLAIN
) -> None:
    """Create a key. It is shown this once.

    Parameters
    ----------
    role
        agent, orchestrator or user.
    agent
        Id or name of the agent that it belongs to.
    expires_at
        A time with its distance from UTC: 2027-01-31T12:00:00Z.
    """
    with session(common, OWNING) as asked:
        id_ = None if agent is None else agent_id(asked, agent)
        asked.show(asked.client.post("api_keys", said(name=name, role=role, agent_id=id_, expires_at=expires_at)))
        note("The key is shown this once: keep it now.")


@app.command(name="list")
def list_(*, revoked: Flag = False, pages: Pages = FIRST_PAGE, common: Common = PLAIN) -> None:
    """List the keys.

    Parameters
    ----------
    revoked
        Revoked ones too.
    """
    with session(common, OWNING) as asked:
        asked.show_list("api_keys", pages, KEY, include_revoked=True if revoked else None)


@app.command
def revoke(key: str, /, *, common: Common = PLAIN) -> None:
    """Revoke a key.

    Parameters
    ----------
    key
        Its id, not the key itself.
    """
    with session(common, OWNING) as asked:
        answer = asked.client.request("DELETE", f"api_keys/{key}")
        asked.show(answer if answer is not None else {"status": "revoked", "id": key})


@app.command
def rotate(key: str, /, *, grace_hours: int | None = None, common: Common = PLAIN) -> None:
    """Replace a key by a new one; the old one goes on for a while.

    Parameters
    ----------
    key
        Its id, not the key itself.
    grace_hours
        How long the old one goes on.
    """
    with session(common, OWNING) as asked:
        asked.show(asked.client.post(f"api_keys/{key}/rotate", said(grace_period_hours=grace_hours)))
        note("The key is shown this once: keep it now.")
