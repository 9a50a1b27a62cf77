"""Projects by id, slug or name; stories by id or number, with or without US-; epics by number, agents by name."""

import re
from collections.abc import Sequence
from typing import Any

from loopctl.cli.asked import Asked
from loopctl.cli.exits import Exit, Stop

ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*")
NUMBER = re.compile(r"(?:[uU][sS][-_ ]?)?([0-9]+(?:[._][0-9]+)?)")


def project_id(session: Asked, named: str | None) -> str:
    """Raises Stop when nothing is said, nothing is found, or several are."""
    named = named or session.project
    if not named:
        raise Stop(Exit.USAGE, "No project is said.", "Add --project SLUG, or: loopctl config set project SLUG")
    if ID.fullmatch(named):
        return named.lower()
    if SLUG.fullmatch(named):
        for found in session.client.get("projects", slug=named)["data"]:
            if found["slug"] == named:
                return str(found["id"])
    return _by_name(session, named)


def project_id_or_none(session: Asked, named: str | None) -> str | None:
    """None when no project is said anywhere: all of them are meant."""
    return project_id(session, named) if named or session.project else None


def story_id(session: Asked, named: str, project: str | None = None) -> str:
    """Raises Stop, with the candidates when there are several."""
    if ID.fullmatch(named):
        return named.lower()
    number = story_number(named)
    found = [
        (slug, story)
        for slug, id_ in _scope(session, project)
        for story in session.client.get("stories", project_id=id_, number=number)["data"]
    ]
    if not found:
        raise Stop(Exit.MISSING, f"There is no story {number}.", "See what there is: loopctl stories --project SLUG")
    if len(found) > 1:
        candidates = [{"project": slug, **_of(story, "number", "title", "id")} for slug, story in found]
        raise Stop(
            Exit.USAGE, f"Story {number} is in several projects.", "Say which: --project SLUG", candidates=candidates
        )
    return str(found[0][1]["id"])


def story_number(named: str) -> str:
    match = NUMBER.fullmatch(named.strip())
    if match is None:
        raise Stop(Exit.USAGE, f"{named!r} is no story.", "A story is an id or a number such as 2.1 or US-2.1")
    return match[1].replace("_", ".")


def epic_id(session: Asked, named: str, project: str | None) -> str:
    if ID.fullmatch(named):
        return named.lower()
    if not named.isdigit():
        raise Stop(Exit.USAGE, f"{named!r} is no epic.", "An epic is an id or, with --project, a number")
    for epic in session.client.pages(f"projects/{project_id(session, project)}/epics"):
        if epic["number"] == int(named):
            return str(epic["id"])
    raise Stop(Exit.MISSING, f"There is no epic {named}.", "See what there is: loopctl export --project SLUG")


def agent_id(session: Asked, named: str) -> str:
    if ID.fullmatch(named):
        return named.lower()
    for agent in session.client.pages("agents"):
        if agent["name"] == named:
            return str(agent["id"])
    raise Stop(Exit.MISSING, f"There is no agent {named!r}.", "See what there is: loopctl agent list")


def _scope(session: Asked, project: str | None) -> Sequence[tuple[str, str]]:
    """What a story is looked for in: slugs (as said) and ids."""
    named = project or session.project
    if named:
        return [(named, project_id(session, named))]
    return [(found["slug"], found["id"]) for found in session.client.pages("projects")]


def _by_name(session: Asked, named: str) -> str:
    found = [each for each in session.client.pages("projects") if each["name"] == named]
    if not found:
        raise Stop(Exit.MISSING, f"There is no project {named!r}.", "See what there is: loopctl project list")
    if len(found) > 1:
        candidates = [_of(each, "slug", "name", "id") for each in found]
        raise Stop(Exit.USAGE, f"Several projects are called {named!r}.", "Say its slug.", candidates=candidates)
    return str(found[0]["id"])


def _of(item: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: item.get(name) for name in names}
