"""`loopctl project`, and the tenant itself."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import App, Parameter

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import project_id
from loopctl.cli.options import FIRST_PAGE, PLAIN, Common, Pages
from loopctl.cli.output import PROJECT
from loopctl.cli.session import session
from loopctl.cli.settings import OWNING, PLANNING, READING

app = App(name="project")
tenant = App(name="tenant")


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class About:
    """Of a project.

    Parameters
    ----------
    repo
        Address of its repository.
    """

    repo: str | None = None
    tech_stack: str | None = None
    description: str | None = None
    mission: str | None = None


NOTHING = About()
SHORTEST_SLUG, LONGEST_SLUG = 2, 63


@app.command
def create(name: str, /, *, slug: str | None = None, about: About = NOTHING, common: Common = PLAIN) -> None:
    """Create a project.

    Parameters
    ----------
    name
        What people call it; the slug is made from it when none is given.
    """
    said = {
        "name": name,
        "slug": slug or _made_from(name),
        "repo_url": about.repo,
        "tech_stack": about.tech_stack,
        "description": about.description,
        "mission": about.mission,
    }
    with session(common, PLANNING) as asked:
        asked.show(asked.client.post("projects", {key: value for key, value in said.items() if value is not None}))
        asked.output.note(f"Next: loopctl import FILE --project {said['slug']}")


@app.command(name="list")
def list_(*, pages: Pages = FIRST_PAGE, common: Common = PLAIN) -> None:
    """List the projects."""
    with session(common, READING) as asked:
        asked.show_list("projects", pages, PROJECT)


@app.command
def info(project: str, /, *, common: Common = PLAIN) -> None:
    """Show a project, by id, slug or name."""
    with session(common, READING) as asked:
        asked.show(asked.client.get(f"projects/{project_id(asked, project)}"))


@app.command
def archive(project: str, /, *, common: Common = PLAIN) -> None:
    """Archive a project."""
    with session(common, OWNING) as asked:
        asked.show(asked.client.request("DELETE", f"projects/{project_id(asked, project)}"))


@tenant.command(name="info")
def tenant_info(*, common: Common = PLAIN) -> None:
    """Show the tenant with its settings."""
    with session(common, READING) as asked:
        asked.show(asked.client.get("tenants/me"))


@tenant.command(name="update")
def tenant_update(
    *, setting: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=False)], common: Common = PLAIN
) -> None:
    """Change settings of the tenant.

    Parameters
    ----------
    setting
        NAME=VALUE; true, false and whole numbers are sent as such. Can be given several times.
    """
    with session(common, OWNING) as asked:
        changes = dict(map(_setting, setting))
        asked.show(asked.client.request("PATCH", "tenants/me", {"settings": changes}))


def _setting(text: str) -> tuple[str, str | int | bool]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Stop(Exit.USAGE, f"--setting {text!r} is no NAME=VALUE.")
    if value in ("true", "false"):
        return name, value == "true"
    return name, int(value) if value.removeprefix("-").isdigit() else value


def _made_from(name: str) -> str:
    """Raises Stop where the name has too few letters or digits that a slug may have."""
    words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in name.lower()).split()
    slug = "-".join(words)[:LONGEST_SLUG].strip("-")
    if len(slug) < SHORTEST_SLUG:
        raise Stop(Exit.USAGE, f"No slug can be made from the name {name!r}.", "Say one: --slug my-app (a-z, 0-9, -).")
    return slug
