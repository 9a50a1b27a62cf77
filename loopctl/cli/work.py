"""What there is to do: status, next, blocked, waiting, pending, stories, history."""

from dataclasses import asdict
from typing import Any

from loopctl.cli.amounts import cost_line
from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import epic_id, project_id, project_id_or_none, story_id, story_number
from loopctl.cli.options import ANY_DETAILS, ANYWHERE, FIRST_PAGE, Details, Pages, Scope
from loopctl.cli.output import STORY, Columns
from loopctl.cli.session import Session, session
from loopctl.cli.settings import READING
from loopctl.cli.vocabulary import AgentStatus, NeededRole, VerifiedStatus
from loopctl.client import Refused

PAGE = 100
BLOCKED: Columns = ("number", "title", "blocked_by", "id")
WAITING: Columns = ("number", "why", "role", "since", "command")
HISTORY: Columns = ("inserted_at", "action", "actor_label", "new_state.agent_status", "new_state.verified_status")


def status(story: str | None = None, /, *, epic: str | None = None, scope: Scope = ANYWHERE) -> None:
    """Show a story, an epic's progress or a project's.

    Parameters
    ----------
    story
        Its number, with or without US-, or its id.
    epic
        Its number (with a project) or its id.
    """
    if story is not None and epic is not None:
        raise Stop(Exit.USAGE, "A story or --epic, not both.")
    with session(scope, READING) as asked:
        if story is not None:
            asked.show(asked.client.get(f"stories/{story_id(asked, story, scope.project)}"))
        elif epic is not None:
            asked.show(asked.client.get(f"epics/{epic_id(asked, epic, scope.project)}/progress"))
        else:
            id_ = project_id(asked, scope.project)
            asked.show(asked.client.get(f"projects/{id_}/progress"))
            if asked.output.for_people and (line := _cost_line(asked, id_)):
                asked.output.note(line)


def _cost_line(asked: Session, project: str) -> str | None:
    """None from a server that knows no costs, too: they are beside what was asked."""
    try:
        return cost_line(asked.client.get(f"analytics/projects/{project}")["data"])
    except Refused:
        return None


def next_(*, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE) -> None:
    """List the stories that can be begun, the best first."""
    with session(scope, READING) as asked:
        body = asked.list("stories/ready", pages, project_id=project_id_or_none(asked, scope.project))
        _show_stories(asked, body, STORY)
        asked.output.note("Next: loopctl contract NUMBER, or the best one in one step: loopctl claim --next")


def blocked(*, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE) -> None:
    """List the stories that wait, and what for."""
    with session(scope, READING) as asked:
        named = project_id_or_none(asked, scope.project)
        found = asked.list("stories/blocked", pages, project_id=named)
        if asked.output.form == "json":
            asked.show(found)
            return
        _show_stories(asked, {**found, "data": [_waiting(each) for each in found["data"]]}, BLOCKED)


def waiting(
    *, role: NeededRole | None = None, epic: str | None = None, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE
) -> None:
    """List what stands still in no queue: why, what is needed from whom, and the command that does it.

    Parameters
    ----------
    role
        Only what this role can do: agent or orchestrator.
    epic
        Its number (with a project) or its id.
    """
    with session(scope, READING) as asked:
        named = project_id_or_none(asked, scope.project)
        epic_named = epic_id(asked, epic, scope.project) if epic is not None else None
        found = asked.list("waiting", pages, project_id=named, epic_id=epic_named, role=role)
        if asked.output.form != "json":
            found = {**found, "data": [_needed(each) for each in found["data"]]}
        asked.show(found, WAITING)


def stories(
    *, agent_status: AgentStatus | None = None, verified_status: VerifiedStatus | None = None,
    details: Details = ANY_DETAILS, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """List the stories of a project.

    Parameters
    ----------
    agent_status
        pending, contracted, assigned, implementing or reported_done.
    verified_status
        unverified, verified or rejected.
    """
    with session(scope, READING) as asked:
        asked.show_list(
            "stories", pages, STORY, project_id=project_id(asked, scope.project), agent_status=agent_status,
            verified_status=verified_status,
            **{**asdict(details), "number": details.number and story_number(details.number)},
        )  # fmt: skip


def pending(*, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE) -> None:
    """List the stories that are reported as done and not confirmed yet."""
    with session(scope, READING) as asked:
        wanted = {"agent_status": "reported_done", "verified_status": "unverified"}
        named = project_id_or_none(asked, scope.project)
        if named is not None:
            asked.show_list("stories", pages, STORY, project_id=named, **wanted)
            return
        items = _of_every_project(asked, wanted)
        _show_stories(asked, {"data": _page(items, pages), "meta": {"total_count": len(items)}}, STORY)


def history(story: str, /, *, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE) -> None:
    """Show all that happened to a story, oldest first."""
    with session(scope, READING) as asked:
        asked.show_list(f"stories/{story_id(asked, story, scope.project)}/history", pages, HISTORY)


def _show_stories(asked: Session, body: Any, columns: Columns) -> None:
    """In a table over several projects each story says its own: a number is one story's in a project only."""
    projects = {story.get("project_id") for story in body["data"]}
    if asked.output.form != "json" and len(projects) > 1:
        slugs = {project["id"]: project["slug"] for project in asked.client.pages("projects", include_archived=True)}
        items = [{**story, "project": slugs.get(story["project_id"])} for story in body["data"]]
        body, columns = {**body, "data": items}, ("project", *columns)
    asked.show(body, columns)


def _of_every_project(asked: Session, wanted: dict[str, str]) -> list[Any]:
    return [
        story
        for project in asked.client.pages("projects")
        for story in asked.client.pages("stories", project_id=project["id"], **wanted)
    ]


def _page(items: list[Any], pages: Pages) -> list[Any]:
    """All of them, unless a page is asked for: they are at hand."""
    if pages.limit is None and pages.page is None:
        return items
    size = max(1, pages.limit or PAGE)
    start = (max(1, pages.page or 1) - 1) * size
    return items[start : start + size]


def _needed(item: dict[str, Any]) -> dict[str, Any]:
    """For a table: the story, and what it needs beside it."""
    return {**item["story"], "why": item["why"], "since": item["since"], **item["needs"]}


def _waiting(item: dict[str, Any]) -> dict[str, Any]:
    """For a table: the story, and the numbers of what it waits for."""
    waits_for = ", ".join(f"{each['number']} ({each['verified_status']})" for each in item["blocking_dependencies"])
    return {**item["story"], "blocked_by": waits_for}
