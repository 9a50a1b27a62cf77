"""Which tool does what a request of the custody machine asks for, and with which arguments."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from bench.custody_requests import Wanted

STORY = "POST /api/v1/stories/{story_id}/"
Arguments = Callable[[Wanted], Mapping[str, Any]]


class Call(Struct, frozen=True):
    name: str
    arguments: Mapping[str, Any]


Makes = Callable[[Wanted], Call | None]
"""None where the tool takes no such thing, which is asked for without it then."""


def place(wish: Wanted) -> str:
    """What the path names last, or before its action."""
    parts = wish.operation.path.split("/")
    (last,) = [number for number, part in enumerate(parts) if part.startswith("{")][-1:]
    return wish.path.split("/")[last]


def body(wish: Wanted, *names: str) -> dict[str, Any]:
    """Of it what the tool takes; all of it but the capability when nothing is named."""
    there = {name: value for name, value in wish.body.items() if name != "cap_id" and value is not None}
    return {name: there[name] for name in names if name in there} if names else there


def of_story(name: str, *names: str, **said: Any) -> Makes:
    """A tool of a role: the story by ``story``."""
    return lambda wish: Call(name, {"story": wish.story, **(body(wish, *names) if names else {}), **said})


def of_story_id(name: str, *names: str, **said: Any) -> Makes:
    """A tool that guides name: the story by ``story_id``."""
    return lambda wish: Call(name, {"story_id": wish.story, **(body(wish, *names) if names else {}), **said})


def _imported(wish: Wanted) -> Call:
    return Call("import_stories", {"project": place(wish), **body(wish, "epics", "merge")})


def _dispatched(wish: Wanted) -> Call | None:
    if wish.body["role"] == "user":
        return None
    said = body(wish, "role", "parent_dispatch_id")
    named = {"agent": wish.body["agent_id"], "story": wish.body["story_id"]}
    return Call("dispatch", {**said, **{name: value for name, value in named.items() if value}})


def _dispatched_by_id(wish: Wanted) -> Call | None:
    if wish.body["role"] == "user" or not wish.body["agent_id"]:
        return None
    return Call("dispatch", body(wish, "role", "agent_id", "parent_dispatch_id", "story_id"))


def _key(wish: Wanted) -> Call:
    return Call("create_key", {**body(wish, "name", "role"), "agent": wish.body["agent_id"]})


COUNTS = ("review_type", "summary", "findings_count", "fixes_count", "disproved_count")

AGENT: Mapping[str, Makes] = {
    "POST /api/v1/stories/next/claim": lambda wish: Call("next_story", {"project": wish.body["project_id"]}),
    STORY + "heartbeat": of_story("heartbeat", "lease_seconds"),
    STORY + "request-review": of_story("request_review"),
    STORY + "unclaim": of_story("release_story"),
    STORY + "report": of_story("report_story"),
    STORY + "review-complete": of_story("complete_review", *COUNTS),
}
ORCHESTRATOR: Mapping[str, Makes] = {
    STORY + "verify": of_story("verify_story", "review_type", "summary"),
    STORY + "reject": of_story("reject_story", "reason"),
    "POST /api/v1/projects/{project}/stories": lambda wish: Call(
        "create_story", {"project": place(wish), **body(wish, "epic_number", "number", "title", "description")}
    ),
    "POST /api/v1/projects/{project}/import": _imported,
    "POST /api/v1/dispatches": _dispatched,
}
USER: Mapping[str, Makes] = {
    "POST /api/v1/projects": lambda wish: Call("create_project", body(wish)),
    "POST /api/v1/api_keys": _key,
    "DELETE /api/v1/api_keys/{key_id}": lambda wish: Call("revoke_key", {"key_id": place(wish)}),
}
OF_ROLES: Mapping[str, Mapping[str, Makes]] = {"agent": AGENT, "orchestrator": ORCHESTRATOR, "user": USER}
"""At /mcp: by the role of the key, and by what the machine asks for."""

EVERY_ROLE: Mapping[str, Makes] = {
    STORY + "contract": of_story_id("contract_story", "story_title", "ac_count"),
    STORY + "claim": of_story_id("claim_story"),
    STORY + "start": of_story_id("start_story"),
    STORY + "request-review": of_story_id("request_review"),
    STORY + "recover-cap": of_story_id("recover_cap", "cap_type"),
    STORY + "report": of_story_id("report_story"),
    STORY + "report-done": of_story_id("report_story", artifact_type="commit", artifact_path="pull/1"),
    STORY + "review-complete": of_story_id("review_complete", *COUNTS),
    STORY + "verify": of_story_id("verify_story", "review_type", "summary"),
    STORY + "reject": of_story_id("reject_story", "reason"),
    STORY + "backfill": of_story_id("backfill_story", "reason"),
    "POST /api/v1/stories/bulk/mark-complete": lambda wish: Call("bulk_mark_complete", {"stories": [
        {name: each[name] for name in ("story_id", "summary", "review_type")} for each in wish.body["stories"]
    ]}),
    "POST /api/v1/epics/{epic_id}/verify-all": lambda wish: Call(
        "verify_all_in_epic", {"epic_id": place(wish), **body(wish, "review_type", "summary")}
    ),
    "POST /api/v1/epics/{epic_id}/stories": lambda wish: Call(
        "create_story", {"epic_id": place(wish), "story": body(wish)}
    ),
    "POST /api/v1/projects/{project}/import": lambda wish: Call("import_stories", {
        "project_id": place(wish), "payload": body(wish, "epics"), **body(wish, "merge"),
    }),
    "POST /api/v1/projects": lambda wish: Call("create_project", body(wish)),
    "DELETE /api/v1/projects/{project}": lambda wish: Call("delete_project", {"project_id": place(wish)}),
    "POST /api/v1/dispatches": _dispatched_by_id,
}  # fmt: skip
"""Of the 52, whatever the role of the key is."""
