"""`loopctl demo`."""

import secrets
from importlib import resources
from pathlib import Path
from typing import Any

from msgspec.json import decode
from msgspec.structs import replace

from loopctl.cli.demo import founding
from loopctl.cli.demo.course import Course, follow
from loopctl.cli.demo.crew import processes
from loopctl.cli.demo.duty import Duty
from loopctl.cli.demo.showing import Display
from loopctl.cli.demo.telling import Ended, tell
from loopctl.cli.options import PLAIN, Common
from loopctl.cli.output import note
from loopctl.cli.session import connect
from loopctl.cli.settings import Settings
from loopctl.cli.transfer import read_payload
from loopctl.client import Client

IMPLEMENTERS = ("mallory", "ada", "barbara", "grace", "katherine", "edsger")
"""The first cheats, the last dies."""
REVIEWERS, ORCHESTRATOR = ("radia", "shafi"), "olga"
REJECTED_EACH = 7
SECONDS = 900.0


def demo(
    *, project: Path | None = None, data_dir: Path = Path("var"), timeout: float = SECONDS, common: Common = PLAIN
) -> int:
    """See a whole loop on a running service (`make up`): agents as separate processes, each with a key of its own.

    Implementers take stories, two reviewers report and review them, an orchestrator verifies. Some work is rejected
    and comes again, one implementer tries to confirm its own work, one is killed in the middle of a story. In the end
    the log is exported and checked. Everything stays there to be looked at.

    Parameters
    ----------
    project
        A backlog: a JSON file or a directory of story files. Default: a small one.
    data_dir
        Of the service on this machine: a tenant is made there, unless a user key is given (--api-key, LOOPCTL_API_KEY).
    timeout
        Seconds.
    """
    payload = read_payload(project) if project else small_backlog()
    run = f"demo-{secrets.token_hex(4)}"
    given = common.api_key or Settings().from_environment("api_key")
    server = common.server or Settings().from_environment("server") or founding.server_of(data_dir)
    key = given or founding.new_tenant(data_dir, run)
    client = connect(server, key)
    try:
        note(f"{run} at {server}: a tenant of its own" if given is None else f"{run} at {server}")
        project_id, imported = founding.new_project(client, run, payload)
        note(
            f"Imported {imported['stories_created']} stories in {imported['epics_created']} epics, "
            f"{imported['dependencies_created']} dependencies between them"
        )
        duties = _duties(client, server, project_id, _some(payload))
        course = _driven(duties, imported["stories_created"], timeout)
        return tell(client, Ended(run, server, project_id, key, data_dir / "demo" / run), course)
    finally:
        client.close()


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
    crew = founding.new_crew(client, server, (*names, f"{ORCHESTRATOR}-{mark}"))
    cheat, dying = names[0][0], names[0][-1]
    (orchestrator, orchestrator_key) = crew.orchestrator
    anyone = Duty(
        part="orchestrator", name=orchestrator, key=orchestrator_key, server=server, project_id=project_id,
        rejects=rejects,
    )  # fmt: skip
    implementers = [
        replace(
            anyone, part="implementer", name=name, key=key, hangs=name == dying,
            cheat_key=crew.cheat if name == cheat else None,
        )
        for name, key in crew.implementers.items()
    ]  # fmt: skip
    reviewers = [
        replace(anyone, part="reviewer", name=name, key=key, share=place, shares=len(crew.reviewers))
        for place, (name, key) in enumerate(crew.reviewers.items())
    ]
    note(f"{len(implementers)} implementers, {len(reviewers)} reviewers, 1 orchestrator: processes with their own keys")
    return [*implementers, *reviewers, anyone]


def _driven(duties: list[Duty], stories: int, timeout: float) -> Course:
    mortal = next(duty.name for duty in duties if duty.hangs)
    course = Course(stories, mortal)
    display = Display(course)
    with processes(duties) as crew:
        try:
            follow(course, crew, timeout, display)
        finally:
            display.close()
    return course
