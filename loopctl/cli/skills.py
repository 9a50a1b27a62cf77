"""`loopctl skill`: prompts with versions (spec 04, section 7)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cyclopts import App

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import project_id
from loopctl.cli.options import ANYWHERE, FIRST_PAGE, Flag, Input, Pages, Scope
from loopctl.cli.output import Columns, note, print_line
from loopctl.cli.reading import read_text
from loopctl.cli.session import Session, route_of_a_later_version, session
from loopctl.cli.settings import OWNING, READING
from loopctl.cli.stepping import said
from loopctl.skills import shipped
from loopctl.skills.skill_file import Skill, read_skill

app = App(name="skill")

SKILL: Columns = ("id", "name", "current_version", "status")
VERSION: Columns = ("version", "changelog", "created_by", "inserted_at")
STAT: Columns = (
    "version", "total_results", "pass_count", "fail_count", "partial_count", "avg_findings", "false_positive_rate",
)  # fmt: skip
COST: Columns = (
    "version_number", "total_invocations", "avg_cost_per_invocation_millicents", "cost_change_pct", "token_change_pct",
)  # fmt: skip
BRING_IN = "The skills that come with loopctl: loopctl skill import"


@app.command(name="list")
def list_(
    *, status: str | None = None, name: str | None = None, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE
) -> None:
    """List the skills.

    Parameters
    ----------
    status
        Only active or archived ones.
    name
        Only names with this in them.
    """
    with session(scope, READING) as asked, route_of_a_later_version("skills"):
        project = project_id(asked, scope.project) if scope.project else None
        asked.show_list("skills", pages, SKILL, project_id=project, status=status, name=name)


@app.command
def get(name: str, /, *, version: int | None = None, text: Flag = False, scope: Scope = ANYWHERE) -> None:
    """Show a skill and its prompt. One that the tenant does not have, and that comes with loopctl, is shown from there.

    Parameters
    ----------
    name
        Its whole name, such as loopctl:review.
    version
        Which one; else the newest.
    text
        Print the prompt and nothing else.
    """
    with session(scope, READING) as asked:
        found = _find(asked, name, scope.project)
        body = _shipped(name) if found is None and version is None else None
        if body is None:
            path = f"skills/{_there(found, name)['id']}"
            body = asked.client.get(path if version is None else f"{path}/versions/{version}")
        if text:
            print_line(
                str(body["version"]["prompt_text"] if "version" in body else body["current_prompt"]).rstrip("\n")
            )
        else:
            asked.show(body)


@app.command
def create(*, name: str, file: Input, description: str | None = None, scope: Scope = ANYWHERE) -> None:
    """Create a skill; with --project, one of that project alone.

    Parameters
    ----------
    file
        Its prompt; - for standard input.
    description
        What it is for.
    """
    with session(scope, OWNING) as asked:
        project = project_id(asked, scope.project) if scope.project else None
        body = said(name=name, prompt_text=read_text(file), description=description, project_id=project)
        asked.show(asked.client.post("skills", body))


@app.command
def update(name: str, /, *, file: Input, changelog: str | None = None, scope: Scope = ANYWHERE) -> None:
    """Add a version to a skill.

    Parameters
    ----------
    file
        Its prompt; - for standard input.
    changelog
        What is different.
    """
    with session(scope, OWNING) as asked:
        skill = _there(_find(asked, name, scope.project), name)
        body = said(prompt_text=read_text(file), changelog=changelog)
        asked.show(asked.client.post(f"skills/{skill['id']}/versions", body))


@app.command
def history(name: str, /, *, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE) -> None:
    """List the versions of a skill."""
    with session(scope, READING) as asked:
        skill = _there(_find(asked, name, scope.project), name)
        asked.show_list(f"skills/{skill['id']}/versions", pages, VERSION)


@app.command
def diff(name: str, /, *, version: int | None = None, against: int | None = None, scope: Scope = ANYWHERE) -> None:
    """Show what a version of a skill changes.

    Parameters
    ----------
    version
        Which one; else the newest.
    against
        The version before; else the one below.
    """
    with session(scope, READING) as asked:
        skill = _there(_find(asked, name, scope.project), name)
        path = f"skills/{skill['id']}/versions/{version or skill['current_version']}/diff"
        body = asked.client.get(path, against=against)
        if asked.output.for_people:
            print_line(body["data"]["diff"] or "(no difference)")
        else:
            asked.show(body)


@app.command
def stats(name: str, /, *, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE) -> None:
    """Show how the versions of a skill have done."""
    with session(scope, READING) as asked:
        skill = _there(_find(asked, name, scope.project), name)
        asked.show_list(f"skills/{skill['id']}/stats", pages, STAT)


@app.command
def costs(name: str, /, *, regressions: Flag = False, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE) -> None:
    """Show what the versions of a skill cost, each against the one before.

    Parameters
    ----------
    regressions
        Only those that cost more than twice as much.
    """
    with session(scope, OWNING) as asked:
        skill = _there(_find(asked, name, scope.project), name)
        of = "cost-regression" if regressions else "cost-performance"
        asked.show_list(f"skills/{skill['id']}/{of}", pages, COST)


@app.command
def archive(name: str, /, *, scope: Scope = ANYWHERE) -> None:
    """Archive a skill: it stays, with its versions and results."""
    with session(scope, OWNING) as asked:
        skill = _there(_find(asked, name, scope.project), name)
        asked.show(asked.client.request("DELETE", f"skills/{skill['id']}"))


@app.command(name="import")
def import_(folder: Path | None = None, /, *, scope: Scope = ANYWHERE) -> None:
    """Import skills: new ones come in, changed ones get a version, the rest stays as it is.

    Parameters
    ----------
    folder
        Every .md file in it and below, with name and description between two lines `---` at its beginning. Else the
        skills that come with loopctl.
    """
    skills = shipped() if folder is None else _of_folder(folder)
    with session(scope, OWNING) as asked:
        items = [said(name=each.name, prompt_text=each.prompt_text, description=each.description) for each in skills]
        project = project_id(asked, scope.project) if scope.project else None
        asked.show(asked.client.post("skills/import", said(skills=items, project_id=project)))


def _of_folder(folder: Path) -> Sequence[Skill]:
    """Raises Stop where there are none."""
    if not folder.is_dir():
        raise Stop(Exit.USAGE, f"{folder} is no directory.", "Its .md files are the skills")
    files = sorted(file for file in folder.rglob("*.md") if not file.name.startswith("."))
    if not files:
        raise Stop(Exit.USAGE, f"There are no skills in {folder}.", "They are files NAME.md")
    return [read_skill(file.name, read_text(file)) for file in files]


def _find(asked: Session, name: str, project: str | None) -> Mapping[str, Any] | None:
    """A project's own goes before the whole tenant's. None when there is none. Raises Stop when there are several."""
    with route_of_a_later_version("skills"):
        listed = asked.client.get("skills", name_exact=name, page_size=100)["data"]
    named: list[Mapping[str, Any]] = [each for each in listed if each["name"] == name]
    wide = [each for each in named if each.get("project_id") is None]
    if len(named) > len(wide) and (meant := project or asked.project):
        id_ = project_id(asked, meant)
        own = [each for each in named if each["project_id"] == id_]
        return next(iter((*own, *wide)), None)
    if wide or len(named) <= 1:
        return next(iter((*wide, *named)), None)
    candidates = [{member: each.get(member) for member in ("project_id", "name", "id")} for each in named]
    raise Stop(
        Exit.USAGE, f"Skill {name!r} is in several projects.", "Say which: --project SLUG", candidates=candidates
    )


def _there(found: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    """Raises Stop."""
    if found is None:
        hint = BRING_IN if _of_ours(name) else "See what there is: loopctl skill list"
        raise Stop(Exit.MISSING, f"There is no skill {name!r}.", hint)
    return found


def _shipped(name: str) -> dict[str, Any] | None:
    """In the form of the server's answer."""
    ours = _of_ours(name)
    if ours is None:
        return None
    note(f"This tenant has no skill {name}: this is the one that comes with loopctl. {BRING_IN}")
    about = {"id": None, "name": ours.name, "description": ours.description, "current_version": None, "status": None}
    return {"skill": about, "current_prompt": ours.prompt_text}


def _of_ours(name: str) -> Skill | None:
    return next((each for each in shipped() if each.name == name), None)
