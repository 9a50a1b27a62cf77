"""Projects and stories: what there is, and what is to be done."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from loopctl.cli.asked import Asked
from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import project_id
from loopctl.conversation import IMPORT_SECONDS
from loopctl.mcp.arguments import Arguments
from loopctl.mcp.compatible.asking import (
    MaybeCount,
    MaybeId,
    MaybeName,
    MaybeText,
    Name,
    Nothing,
    Object,
    OfProject,
    OfStory,
    Text,
    asks,
    compact,
    members,
    most,
    send,
    step,
)  # fmt: skip
from loopctl.mcp.compatible.payload import payload_of
from loopctl.mcp.tools import ENDS, READS, WRITES, Tool

QUEUES = ("ready", "blocked")
VERIFIED_STATUSES = ("unverified", "verified", "rejected")
OF_QUEUES = ("project_id", "epic_id", "limit", "offset")

Limit = Annotated[int, Meta(ge=1, description="At most 20.")] | UnsetType


class NewProject(Arguments, frozen=True, kw_only=True):
    name: Name
    slug: Name
    repo_url: MaybeText = UNSET
    description: MaybeText = UNSET
    tech_stack: MaybeText = UNSET
    mission: Annotated[str, Meta(max_length=2000, description="Shown to agents.")] | UnsetType = UNSET


class Progress(OfProject, frozen=True, kw_only=True):
    include_cost: bool | UnsetType = UNSET


class Import(OfProject, frozen=True, kw_only=True):
    payload: Object | UnsetType = UNSET
    payload_path: Annotated[str, Meta(description="Absolute path of a JSON file, instead.")] | UnsetType = UNSET
    merge: bool = False


class Stories(Arguments, frozen=True, kw_only=True):
    project_id: MaybeName = UNSET
    status: Annotated[str, Meta(description="ready, blocked, or a status.")] | UnsetType = UNSET
    agent_status: MaybeName = UNSET
    verified_status: MaybeName = UNSET
    epic_id: MaybeId = UNSET
    limit: Limit = UNSET
    offset: MaybeCount = UNSET
    include_token_totals: bool | UnsetType = UNSET


class Ready(Arguments, frozen=True, kw_only=True):
    project_id: MaybeName = UNSET
    limit: Limit = UNSET
    offset: MaybeCount = UNSET


class NewStory(Arguments, frozen=True, kw_only=True):
    story: Annotated[
        Object, Meta(description="number, title, description, acceptance_criteria, estimated_hours, metadata")
    ]
    epic_id: MaybeId = UNSET
    project_id: MaybeName = UNSET
    epic_number: MaybeCount = UNSET


class Backfill(OfStory, frozen=True, kw_only=True):
    reason: Text
    evidence_url: MaybeText = UNSET
    pr_number: MaybeCount = UNSET


def import_stories(asked: Asked, given: Import) -> Any:
    body = payload_of(given.payload, given.payload_path)
    path = f"projects/{project_id(asked, given.project_id)}/import"
    return asked.client.post(path, body, **({"merge": True} if given.merge else {}))


def list_stories(asked: Asked, given: Stories) -> Any:
    said = most(members(given))
    status = said.pop("status", None)
    if status not in QUEUES:
        if status is not None:
            said["verified_status" if status in VERIFIED_STATUSES else "agent_status"] = status
        return compact(asked.client.get("stories", **said))
    if unfit := sorted(said.keys() - OF_QUEUES):
        raise Stop(Exit.USAGE, f"status {status} goes with no {', '.join(unfit)}.", "Leave one of them out.")
    return compact(asked.client.get(f"stories/{status}", **said))


def list_ready_stories(asked: Asked, given: Ready) -> Any:
    return compact(asked.client.get("stories/ready", **most(members(given))))


def create_story(asked: Asked, given: NewStory) -> Any:
    if given.epic_id is not UNSET:
        return asked.client.post(f"epics/{given.epic_id}/stories", given.story)
    if given.project_id is UNSET or given.epic_number is UNSET:
        raise Stop(Exit.USAGE, "In which epic?", "Say epic_id, or project_id and epic_number.")
    said = {"project_id": given.project_id, "epic_number": given.epic_number, **given.story}
    return send(asked, "POST", "projects/{project_id}/stories", said)


def backfill_story(asked: Asked, given: Backfill) -> Any:
    if not given.reason.strip():
        raise Stop(Exit.USAGE, "reason is blank.", "Say how it is known that the story was done.")
    return step("backfill")(asked, given)


TOOLS = (
    Tool("get_tenant", "This tenant", READS, Nothing, asks("GET", "tenants/me"), "Who is asking.", key="reads"),
    Tool(
        "list_projects", "Projects", READS, Nothing, asks("GET", "projects", page_size=100),
        "Projects, the first hundred; meta says how many there are.", key="reads",
    ),
    Tool(
        "create_project", "New project", WRITES, NewProject, asks("POST", "projects"), "Make a project.", key="orch"
    ),
    Tool(
        "delete_project", "Remove a project", ENDS, OfProject, asks("DELETE", "projects/{project_id}"),
        "Archive a project with everything in it.", key="user",
    ),
    Tool(
        "get_progress", "Progress", READS, Progress, asks("GET", "projects/{project_id}/progress"),
        "Counts of stories by status.", key="reads",
    ),
    Tool(
        "import_stories", "Import", WRITES, Import, import_stories,
        "Import epics and stories, all or nothing; merge adds to what is there.", IMPORT_SECONDS, key="orch",
    ),
    Tool(
        "list_stories", "Stories", READS, Stories, list_stories,
        "Stories without their long texts, at most 20 at a time. status ready: what can be begun.", key="reads",
    ),
    Tool(
        "list_ready_stories", "Ready stories", READS, Ready, list_ready_stories,
        "What can be begun, best first, without long texts, at most 20.", key="reads",
    ),
    Tool("get_story", "A story", READS, OfStory, asks("GET", "stories/{story_id}"), "A whole story.", key="reads"),
    Tool(
        "create_story", "New story", WRITES, NewStory, create_story,
        "One story in an epic that there is: epic_id, or project_id and epic_number.", key="orch",
    ),
    Tool(
        "backfill_story", "Backfill", WRITES, Backfill, backfill_story,
        "Mark a story as verified that was done before loopctl.", key="orch", repeats=True,
    ),
    Tool(
        "get_acceptance_criteria", "Criteria", READS, OfStory, asks("GET", "stories/{story_id}/acceptance_criteria"),
        "Acceptance criteria with their status.", key="reads",
    ),
)  # fmt: skip
