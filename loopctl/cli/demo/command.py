"""`loopctl demo`."""

import os
import secrets
from importlib import resources
from pathlib import Path
from typing import Any

from msgspec.json import decode
from msgspec.structs import replace

from loopctl.cli.demo import custody as custody_demo
from loopctl.cli.demo import founding
from loopctl.cli.demo.course import Course, follow, hear_out
from loopctl.cli.demo.crew import crew
from loopctl.cli.demo.duty import Duty
from loopctl.cli.demo.receiving import duty_of, new_hook
from loopctl.cli.demo.showing import Display
from loopctl.cli.demo.telling import Ended, tell
from loopctl.cli.exits import Exit, Stop
from loopctl.cli.options import PLAIN, Common, Flag, Input
from loopctl.cli.output import note
from loopctl.cli.session import asking
from loopctl.cli.settings import Settings
from loopctl.cli.transfer import read_payload
from loopctl.client import Client

IMPLEMENTERS = ("mallory", "ada", "barbara", "grace", "katherine", "edsger")
"""The first cheats, the last dies."""
REVIEWERS, ORCHESTRATOR = ("radia", "shafi"), "olga"
REJECTED_EACH = 7
SECONDS = 900.0


def demo(
    *,
    project: Input | None = None,
    custody: Flag = False,
    data_dir: Path | None = None,
    timeout: float = SECONDS,
    common: Common = PLAIN,
) -> int:
    """See a whole loop on a running service (`make up`): agents as separate processes, each with a key of its own.

    Implementers take stories, two reviewers report and review them, an orchestrator verifies. Some work is rejected
    and comes again, one implementer tries to confirm its own work, one is killed in the middle of a story. In the end
    the log is exported and checked. Everything stays there to be looked at.

    Parameters
    ----------
    project
        A backlog: a JSON file or a directory of story files. Default: a small one.
    custody
        Another demo: dispatched agents with bounded keys and capabilities. The child, the sibling and the parent of an
        implementer each try to confirm its work under each lineage policy, and a drawn verifier ends a whole loop.
    data_dir
        Of the service on this machine, else LOOPCTL_DATA_DIR, else var, as for `loopctl up`: a tenant is made there,
        unless a user key is given (--api-key, LOOPCTL_API_KEY).
    timeout
        Seconds.
    """
    if not timeout > 0:
        raise Stop(Exit.USAGE, "--timeout is a number of seconds.")
    if custody and project:
        raise Stop(Exit.USAGE, "--custody makes its own stories: leave --project out.")
    payload = read_payload(project) if project else small_backlog()
    data = data_dir or Path(os.environ.get("LOOPCTL_DATA_DIR") or "var")
    run = f"demo-{secrets.token_hex(4)}"
    given = common.api_key or Settings().from_environment("api_key")
    server = common.server or Settings().from_environment("server") or founding.server_of(data)
    key = given or founding.new_tenant(data, run)
    with asking(server, key) as client:
        ended = Ended(run, server, "", key, data / "demo" / run)
        if custody:
            return custody_demo.run(client, ended)
        note(f"{run} at {server}: a tenant of its own" if given is None else f"{run} at {server}")
        return _loop(client, ended, payload, timeout)


def _loop(client: Client, ended: Ended, payload: dict[str, Any], timeout: float) -> int:
    """The exit code."""
    run, server = ended.run, ended.server
    project_id, imported = founding.new_project(client, run, payload)
    note(
        f"Imported {imported['stories_created']} stories in {imported['epics_created']} epics, "
        f"{imported['dependencies_created']} dependencies between them"
    )
    if not imported["stories_created"]:
        raise Stop(Exit.USAGE, "There is no story in the backlog.", "Try the small one: loopctl demo")
    duties, hook = _duties(client, server, project_id, _some(payload)), new_hook(client, project_id)
    try:
        course = _driven([*duties, *duty_of(hook, duties[0])], imported["stories_created"], timeout)
    finally:
        if hook is not None:
            client.request("DELETE", f"webhooks/{hook.id}")
    return tell(client, replace(ended, project_id=project_id), course)


def small_backlog() -> dict[str, Any]:
    found: dict[str, Any] = decode(resources.files("loopctl.cli.demo").joinpath("backlog.json").read_bytes())
    return found


def _some(payload: dict[str, Any]) -> tuple[str, ...]:
    """Numbers of the stories that are rejected once."""
    numbers = [str(story["number"]) for epic in payload["epics"] for story in epic.get("stories") or ()]
    return tuple(numbers[2::REJECTED_EACH])


def _duties(client: Client, server: str, project_id: str, rejects: tuple[str, ...]) -> list[Duty]:
    # Names are taken once in a tenant, and a second run with the same key is in the same tenant.
    mark = secrets.token_hex(2)
    names = (tuple(f"{name}-{mark}" for name in IMPLEMENTERS), tuple(f"{name}-{mark}" for name in REVIEWERS))
    made = founding.new_crew(client, server, (*names, f"{ORCHESTRATOR}-{mark}"))
    cheat, dying = names[0][0], names[0][-1]
    (orchestrator, orchestrator_key) = made.orchestrator
    anyone = Duty(
        part="orchestrator", name=orchestrator, key=orchestrator_key, server=server, project_id=project_id,
        rejects=rejects,
    )  # fmt: skip
    implementers = [
        replace(
            anyone, part="implementer", name=name, key=key, hangs=name == dying,
            cheat_key=made.cheat if name == cheat else None,
        )
        for name, key in made.implementers.items()
    ]  # fmt: skip
    reviewers = [
        replace(anyone, part="reviewer", name=name, key=key, share=place, shares=len(made.reviewers))
        for place, (name, key) in enumerate(made.reviewers.items())
    ]
    note(f"{len(implementers)} implementers, {len(reviewers)} reviewers, 1 orchestrator: processes with their own keys")
    return [*implementers, *reviewers, anyone]


def _driven(duties: list[Duty], stories: int, timeout: float) -> Course:
    special = [duty for duty in duties if duty.hangs or duty.cheat_key]
    others = [duty for duty in duties if duty.part == "implementer" and duty not in special]
    course = Course(stories, special, timeout)
    display = Display(course)
    with crew() as started:
        try:
            started.start(*(duty for duty in duties if duty not in others))
            follow(course, started, others, display)
            hear_out(course, started, display)
        finally:
            display.close()
    return course
