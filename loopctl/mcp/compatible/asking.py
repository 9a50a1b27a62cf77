"""How a tool of this surface becomes a request: its arguments go into the path, then into the query or the body."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from msgspec import Meta, UnsetType, to_builtins

from loopctl.cli.asked import Asked
from loopctl.cli.naming import epic_id, project_id, story_id
from loopctl.cli.stepping import taken
from loopctl.mcp.arguments import Arguments

Id = Annotated[str, Meta(pattern="^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
Name = Annotated[str, Meta(max_length=255)]
Text = Annotated[str, Meta(max_length=100_000)]
Count = Annotated[int, Meta(ge=0, le=10**12)]
MaybeId = Id | UnsetType
MaybeName = Name | UnsetType
MaybeText = Text | UnsetType
MaybeCount = Count | UnsetType
Object = dict[str, Any]

MOST = 20
"""Stories and drafts of one answer, whatever was asked for."""
LONG = frozenset(("acceptance_criteria", "description"))
"""Members that lists of stories leave out."""
IN_PATH = re.compile(r"\{(\w+)\}")

Act = Callable[[Asked, Any], Any]


class OfStory(Arguments, frozen=True, kw_only=True):
    story_id: Name


class OfProject(Arguments, frozen=True, kw_only=True):
    project_id: Name


class OfArticle(Arguments, frozen=True, kw_only=True):
    article_id: Id


class Nothing(Arguments, frozen=True, kw_only=True):
    """No arguments."""


def asks(method: str, path: str, **said: Any) -> Act:
    """``path`` has the names of arguments in braces; ``said`` is sent where the arguments say nothing else."""

    def act(asked: Asked, given: Arguments) -> Any:
        return send(asked, method, path, {**said, **members(given)})

    return act


def send(asked: Asked, method: str, path: str, said: Mapping[str, Any]) -> Any:
    named = IN_PATH.findall(path)
    for name in named:
        path = path.replace(f"{{{name}}}", place(asked, name, said[name]))
    rest = {name: value for name, value in said.items() if name not in named}
    if method == "GET":
        return asked.client.get(path, **rest)
    return asked.client.request(method, path, rest if method == "POST" else None)


def place(asked: Asked, name: str, value: str) -> str:
    """What stands in a path for a thing: stories, projects and epics may be named as people name them."""
    if name == "story_id":
        return story_id(asked, value)
    if name == "project_id":
        return project_id(asked, value)
    return epic_id(asked, value, None) if name == "epic_id" else value


def step(action: str) -> Act:
    """Of a story's way; a capability that it takes is picked up first."""

    def act(asked: Asked, given: Any) -> Any:
        said = members(given)
        return taken(asked, said.pop("story_id"), None, action, said)

    return act


def members(given: Arguments) -> dict[str, Any]:
    """What was said; a blank text is nothing."""
    return {name: value for name, value in to_builtins(given).items() if value != ""}


def most(said: Mapping[str, Any]) -> dict[str, Any]:
    return {**said, "limit": min(said.get("limit", MOST), MOST)}


def compact(answer: Any) -> Any:
    return {**answer, "data": [{name: each[name] for name in each if name not in LONG} for each in answer["data"]]}
