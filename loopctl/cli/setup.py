"""`loopctl setup`: a project folder for agents; what it writes is in loopctl/setup."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.options import Common, Flag
from loopctl.cli.output import output_for
from loopctl.cli.session import NO_SERVER, check_address
from loopctl.cli.settings import Settings
from loopctl.cli.vocabulary import Format
from loopctl.setup.pieces import Foreign
from loopctl.setup.planning import Plan, planned
from loopctl.setup.record import Record, read_record
from loopctl.setup.wishes import Wish, used_in, wanted
from loopctl.setup.writing import carry_out

Program = Literal["claude", "cursor", "vscode", "codex", "gemini"]
EntryRole = Literal["agent", "reviewer", "orchestrator", "user"]
Hooks = Literal["safe", "printed", "none"]
USUAL: Sequence[EntryRole] = ("agent", "orchestrator")


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class What:
    """What is set up.

    Parameters
    ----------
    agent
        For which programs: claude, cursor, vscode, codex, gemini; several with --agent each. Else those that the folder
        shows traces of, else claude.
    role
        For which roles there are entries, each a process of its own with that role's key: agent, reviewer,
        orchestrator, user. Else agent and orchestrator.
    hooks
        For Claude Code: safe, printed (as in the configuration guide) or none.
    skills
        Whether the skills are written, too.
    """

    agent: list[Program] | None = None
    role: list[EntryRole] | None = None
    hooks: Hooks = "safe"
    skills: bool = True


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class How:
    """How it is done.

    Parameters
    ----------
    dry_run
        Only say what would change.
    remove
        Take out again what was written, and nothing else.
    """

    dry_run: Flag = False
    remove: Flag = False


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Place:
    """Which loopctl.

    Parameters
    ----------
    server
        Address of the server; else LOOPCTL_SERVER, else `config set server`.
    project
        Slug or id of the project; else LOOPCTL_PROJECT, else `config set project`.
    format
        json, or human for tables, or csv.
    """

    server: str | None = None
    project: Annotated[str | None, Parameter(name=["--project", "-p"])] = None
    format: Format | None = None


EVERYTHING, AT_ONCE, AS_SET = What(), How(), Place()


def setup(folder: Path = Path(), /, *, what: What = EVERYTHING, how: How = AT_ONCE, place: Place = AS_SET) -> None:
    """Write MCP servers, hooks, skills and instructions into a project folder, for the agents that work there.

    No key is written: each entry takes its role's from LOOPCTL_AGENT_KEY, LOOPCTL_REVIEWER_KEY, LOOPCTL_ORCH_KEY or
    LOOPCTL_USER_KEY. What is there of others stays; a file that is not understood stops everything. Run it again to
    change what it has written.

    Parameters
    ----------
    folder
        Of the project; else the one that this runs in.
    """
    settings = Settings()
    output = output_for(Common(format=place.format), settings)
    if not folder.is_dir():
        raise Stop(Exit.USAGE, f"{folder} is no folder.", "loopctl setup FOLDER, or from inside of it")
    agents: Sequence[str] = what.agent or used_in(folder) or ["claude"]
    try:
        recorded = read_record(folder)
        pieces = () if how.remove else wanted(_wish(settings, what, place), agents)
        plan = planned(folder, pieces, recorded)
        if not how.dry_run:
            carry_out(folder, plan)
    except Foreign as error:
        hint = "Nothing was changed. Mend, rename or remove it, then again."
        raise Stop(Exit.CONFLICT, f"{error.place}: {error.problem}.", hint, code="foreign") from None
    except OSError as error:
        raise Stop(Exit.FAILED, f"{error.filename}: {error.strerror}.", "Run it again when that is mended.") from None
    output.body({"data": _told(plan, recorded), "dry_run": how.dry_run}, ("path", "what"))
    if not how.remove:
        output.note(f"For {', '.join(agents)}. Export the keys, then start the agent here; docs/setup.md says which.")


def _wish(settings: Settings, what: What, place: Place) -> Wish:
    server = place.server or settings.get("server")
    if not server:
        raise Stop(Exit.USAGE, "No server is known.", f"loopctl setup --server URL; or {NO_SERVER}")
    check_address(server)
    if "@" in server:
        raise Stop(Exit.USAGE, "The address holds a name or a password.", "It would stand in files: leave it out.")
    project = place.project or settings.get("project")
    if project and not (project.isprintable() and "`" not in project):
        raise Stop(Exit.USAGE, f"{project!r} is no project.", "Its slug, name or id: loopctl project list")
    return Wish(
        server=server.rstrip("/"), project=project, roles=what.role or USUAL,
        hooks=what.hooks, skills=what.skills,
    )  # fmt: skip


def _told(plan: Plan, recorded: Record) -> list[dict[str, Any]]:
    changed = [{"path": change.path, "what": change.what} for change in plan.changes]
    kept = [{"path": key, "what": "kept: changed by hand"} for key in plan.kept]
    told = {change.path for change in plan.changes} | {
        piece.path for piece in recorded.pieces if piece.key in plan.kept
    }
    same = sorted({piece.path for piece in recorded.pieces} - told)
    return changed + kept + [{"path": path, "what": "unchanged"} for path in same]
