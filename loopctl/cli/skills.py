"""`loopctl skill`: prompts with versions (spec 04, section 7)."""

from typing import Any

from cyclopts import App

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import project_id_or_none
from loopctl.cli.options import ANYWHERE, FIRST_PAGE, Pages, Scope
from loopctl.cli.output import Columns
from loopctl.cli.session import route_of_a_later_version, session
from loopctl.cli.settings import READING

app = App(name="skill")

SKILL: Columns = ("id", "name", "current_version", "status")


@app.command(name="list")
def list_(*, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE) -> None:
    """List the skills."""
    with session(scope, READING) as asked, route_of_a_later_version("skills"):
        asked.show_list("skills", pages, SKILL, project_id=project_id_or_none(asked, scope.project))


@app.command
def get(name: str, /, *, version: int | None = None, scope: Scope = ANYWHERE) -> None:
    """Show a skill, its newest version unless another is said."""
    with session(scope, READING) as asked, route_of_a_later_version("skills"):
        found: list[Any] = [each for each in asked.client.get("skills", name=name)["data"] if each["name"] == name]
        if not found:
            raise Stop(Exit.MISSING, f"There is no skill {name!r}.", "See what there is: loopctl skill list")
        path = f"skills/{found[0]['id']}"
        asked.show(asked.client.get(path if version is None else f"{path}/versions/{version}"))
