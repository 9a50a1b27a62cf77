"""`loopctl dispatch`, and what goes with it: capabilities and drawn verifiers."""

from dataclasses import dataclass
from typing import Literal

from cyclopts import App, Parameter

from loopctl.cli.naming import agent_id, story_id
from loopctl.cli.options import ANYWHERE, FIRST_PAGE, PLAIN, Common, Flag, Pages, Scope
from loopctl.cli.output import Columns, note
from loopctl.cli.session import session
from loopctl.cli.settings import PLANNING, REVIEWING
from loopctl.cli.stepping import said

app = App(name="dispatch")

DISPATCH: Columns = ("id", "role", "agent_id", "parent_dispatch_id", "expires_at", "revoked_at")
Role = Literal["agent", "orchestrator"]
CapType = Literal["start_cap", "report_cap", "review_complete_cap", "verify_cap"]


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Bounds:
    """Of a dispatch.

    Parameters
    ----------
    parent
        Id of the dispatch above it; of who was dispatched it is their own.
    seconds
        How long, 60 to 14,400; no longer than the one above it.
    """

    parent: str | None = None
    seconds: int | None = None


UNBOUNDED = Bounds()


@app.command
def create(
    *, role: Role, agent: str | None = None, story: str | None = None, bounds: Bounds = UNBOUNDED,
    scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Dispatch an agent with a key of its own, which ends by itself. It is shown this once.

    Parameters
    ----------
    role
        agent or orchestrator.
    agent
        Id or name of the agent.
    story
        What it is for: a story's number, with or without US-, or its id.
    """
    with session(scope, PLANNING) as asked:
        body = said(
            role=role, parent_dispatch_id=bounds.parent, expires_in_seconds=bounds.seconds,
            agent_id=None if agent is None else agent_id(asked, agent),
            story_id=None if story is None else story_id(asked, story, scope.project),
        )  # fmt: skip
        asked.show(asked.client.post("dispatches", body))
        note("The key is shown this once: hand it on now.")


@app.command(name="list")
def list_(*, role: Role | None = None, live: Flag = False, pages: Pages = FIRST_PAGE, common: Common = PLAIN) -> None:
    """List the dispatches.

    Parameters
    ----------
    live
        Only those that are neither revoked nor over.
    """
    with session(common, PLANNING) as asked:
        asked.show_list("dispatches", pages, DISPATCH, role=role, active_only=True if live else None)


@app.command
def show(dispatch: str, /, *, common: Common = PLAIN) -> None:
    """Show a dispatch: its role, its lineage, when it ends.

    Parameters
    ----------
    dispatch
        Its id.
    """
    with session(common, PLANNING) as asked:
        asked.show(asked.client.get(f"dispatches/{dispatch}"))


@app.command
def revoke(dispatch: str, /, *, common: Common = PLAIN) -> None:
    """Revoke a dispatch and everything below it, at once.

    Parameters
    ----------
    dispatch
        Its id.
    """
    with session(common, PLANNING) as asked:
        asked.show(asked.client.post(f"dispatches/{dispatch}/revoke", {}))


def recover_cap(story: str, /, *, type: CapType = "start_cap", scope: Scope = ANYWHERE) -> None:  # noqa: A002  # the name of the option
    """Pick up the capability for a step that this key may take now. The steps do it by themselves.

    Parameters
    ----------
    story
        Its number, with or without US-, or its id.
    type
        start_cap, report_cap, review_complete_cap or verify_cap.
    """
    with session(scope, REVIEWING) as asked:
        path = f"stories/{story_id(asked, story, scope.project)}/recover-cap"
        asked.show(asked.client.post(path, {"cap_type": type}))


def draw_verifier(story: str, /, *, scope: Scope = ANYWHERE) -> None:
    """Draw another verifier, when nobody is drawn or the one who was has ended.

    Parameters
    ----------
    story
        Its number, with or without US-, or its id.
    """
    with session(scope, PLANNING) as asked:
        asked.show(asked.client.post(f"stories/{story_id(asked, story, scope.project)}/draw-verifier", {}))
