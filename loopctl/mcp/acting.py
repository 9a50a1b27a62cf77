"""What each tool does: requests of the client, and the server's answer as it is."""

from typing import Any

from msgspec import UNSET, UnsetType, to_builtins

from loopctl.cli.asked import Asked
from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import agent_id, epic_id, project_id, project_id_or_none, story_id
from loopctl.cli.reviewed import as_reviewed
from loopctl.cli.stepping import said, taken
from loopctl.client import Refused
from loopctl.mcp import arguments as take

SHOWN = 20
"""Stories of each list in what ``resume`` says; its count is of all."""
HELD = ("assigned", "implementing")
BRIEF = ("id", "number", "title", "agent_status", "verified_status", "lease_expires_at", "review_requested_at")


def resume(asked: Asked, given: take.InProject) -> dict[str, Any]:
    me = asked.client.get("tenants/me")
    project = project_id_or_none(asked, _project(given))
    answer = {"tenant": {name: me["tenant"][name] for name in ("id", "name", "slug", "status")}, "key": me["api_key"]}
    if project is not None:
        answer["project"] = asked.client.get(f"projects/{project}")["project"]
        answer["progress"] = asked.client.get(f"projects/{project}/progress")["progress"]
    return {**answer, **_of_role(asked, me["api_key"], project)}


def waiting_on(asked: Asked, given: take.Waiting) -> Any:
    return asked.client.get("waiting", **_body(given), project_id=project_id_or_none(asked, _project(given)))


def next_story(asked: Asked, given: take.NextStory) -> dict[str, Any]:
    body = {**_body(given), "project_id": project_id(asked, _project(given))}
    claimed = asked.client.post("stories/next/claim", body)
    story, fencing = claimed["story"], claimed.get("lease", {}).get("fencing_token")
    started = taken(asked, story["id"], None, "start", said(fencing_token=fencing))
    return {**claimed, **started, "story": {**story, **started["story"]}}


def get_story(asked: Asked, given: take.OneStory) -> Any:
    return asked.client.get(_path(asked, given))


def heartbeat(asked: Asked, given: take.Heartbeat) -> Any:
    return _step(asked, given, "heartbeat")


def request_review(asked: Asked, given: take.Held) -> Any:
    return _step(asked, given, "request-review")


def release_story(asked: Asked, given: take.Held) -> Any:
    return _step(asked, given, "unclaim")


def list_reviews(asked: Asked, given: take.Reviews) -> Any:
    return asked.client.get(f"{_path(asked, given)}/reviews", **_body(given))


def report_story(asked: Asked, given: take.Report) -> Any:
    return _step(asked, given, "report")


def complete_review(asked: Asked, given: take.Review) -> Any:
    return _step(asked, given, "review-complete")


def verify_story(asked: Asked, given: take.Verify) -> Any:
    body = _body(given)
    id_ = story_id(asked, given.story, _project(given))
    review_type, summary = as_reviewed(asked, id_, body.get("review_type"), body.get("summary"))
    return taken(asked, id_, None, "verify", {**body, **said(review_type=review_type, summary=summary)})


def reject_story(asked: Asked, given: take.Reject) -> Any:
    return _step(asked, given, "reject")


def list_stories(asked: Asked, given: take.Stories) -> Any:
    return asked.client.get("stories", **_body(given), project_id=project_id_or_none(asked, _project(given)))


def create_story(asked: Asked, given: take.NewStory) -> Any:
    return asked.client.post(f"projects/{project_id(asked, _project(given))}/stories", _body(given))


def import_stories(asked: Asked, given: take.Import) -> Any:
    body = _body(given)
    how = {name: True for name in ("merge", "dry_run") if body.pop(name, False)}
    return asked.client.post(f"projects/{project_id(asked, _project(given))}/import", body, **how)


def dispatch(asked: Asked, given: take.Dispatch) -> Any:
    body = _body(given)
    if (named := body.pop("agent", None)) is not None:
        body["agent_id"] = agent_id(asked, named)
    if given.story is not UNSET:
        body["story_id"] = story_id(asked, given.story, _project(given))
    return asked.client.post("dispatches", body)


def save_state(asked: Asked, given: take.SaveState) -> Any:
    project = project_id(asked, _project(given))
    return asked.client.request("PUT", f"orchestrator/state/{project}", {"state_key": "main", **_body(given)})


def list_projects(asked: Asked, given: take.Paged) -> Any:
    return asked.client.get("projects", **_body(given))


def create_project(asked: Asked, given: take.NewProject) -> Any:
    return asked.client.post("projects", _body(given))


def create_key(asked: Asked, given: take.NewKey) -> Any:
    body = _body(given)
    if (named := body.pop("agent", None)) is not None:
        body["agent_id"] = agent_id(asked, named)
    return asked.client.post("api_keys", body)


def revoke_key(asked: Asked, given: take.OneKey) -> Any:
    answer = asked.client.request("DELETE", f"api_keys/{given.key_id}")
    return answer if answer is not None else {"status": "revoked", "id": given.key_id}


def list_agents(asked: Asked, given: take.Paged) -> Any:
    return asked.client.get("agents", **_body(given))


def verify_log(asked: Asked, given: take.Seen) -> Any:
    # Signatures and proofs are loaded where there is something to check.
    from loopctl.mcp.checking import checked  # noqa: PLC0415  # as said

    return checked(asked, None if isinstance(given.note, UnsetType) else given.note)


def list_webhooks(asked: Asked, given: take.Paged) -> Any:
    return asked.client.get("webhooks", **_body(given))


def report_usage(asked: Asked, given: take.Usage) -> Any:
    return asked.client.post("token-usage", {"story_id": story_id(asked, given.story, _project(given)), **_body(given)})


def find_knowledge(asked: Asked, given: take.Question) -> Any:
    """Which work it is read for goes along."""
    read_for = {"project_id": project_id_or_none(asked, _project(given))}
    if not isinstance(given.story, UnsetType):
        read_for["story_id"] = story_id(asked, given.story, _project(given))
    if not isinstance(given.article, UnsetType):
        return asked.client.get(f"articles/{given.article}", **read_for)
    if isinstance(given.query, UnsetType):
        raise Stop(Exit.USAGE, "What is to be looked up?", "Say query, or article.")
    limit: dict[str, int] = {} if isinstance(given.limit, UnsetType) else {"limit": given.limit}
    wide = {"include_tenant_wide": "true"} if read_for["project_id"] else {}
    return asked.client.get("knowledge/search", q=given.query, **limit, **read_for, **wide)


def get_costs(asked: Asked, given: take.Costs) -> Any:
    project = project_id(asked, _project(given))
    if isinstance(given.by, UnsetType):
        return asked.client.get(f"analytics/projects/{project}")
    return asked.client.get(f"analytics/{given.by}s", project_id=project)


def set_budget(asked: Asked, given: take.Budget) -> Any:
    body = _body(given)
    scope, named = body.pop("scope"), body.pop("named", None)
    return asked.client.post("token-budgets", {"scope_type": scope, "scope_id": _scoped(asked, given, named), **body})


def _scoped(asked: Asked, given: take.Budget, named: str | None) -> str:
    project = _project(given)
    if given.scope == "project":
        return project_id(asked, named or project)
    if named is None:
        raise Stop(Exit.USAGE, f"Which {given.scope}?", "Say named.")
    match given.scope:
        case "epic":
            return epic_id(asked, named, project)
        case "story":
            return story_id(asked, named, project)
        case "agent":
            return agent_id(asked, named)


def _project(given: take.InProject) -> str | None:
    named: str | None = to_builtins(given).get("project")
    return named


def _body(given: take.Arguments) -> dict[str, Any]:
    """What was said, but for what names the place."""
    return {name: value for name, value in to_builtins(given).items() if name not in ("story", "project")}


def _path(asked: Asked, given: take.OneStory) -> str:
    return f"stories/{story_id(asked, given.story, _project(given))}"


def _step(asked: Asked, given: take.OneStory, action: str) -> Any:
    return taken(asked, given.story, _project(given), action, _body(given))


def _of_role(asked: Asked, key: dict[str, Any], project: str | None) -> dict[str, Any]:
    if key["role"] == "user":
        return {"projects": asked.client.get("projects")}
    reported = _stories(asked, project, agent_status="reported_done", verified_status="unverified")
    if key["role"] == "orchestrator":
        state = _state(asked, project) if project is not None else None
        return {"to_verify": _brief(reported), "state": state}
    me = key["agent_id"]
    held = [story for status in HELD for story in _stories(asked, project, agent_status=status)]
    others = [story for story in held if story["assigned_agent_id"] != me and story["review_requested_at"]]
    return {
        "held": _brief([story for story in held if me is not None and story["assigned_agent_id"] == me]),
        "to_report": _brief(others),
        "to_review": _brief([story for story in reported if story["assigned_agent_id"] != me]),
    }


def _stories(asked: Asked, project: str | None, **query: str) -> list[dict[str, Any]]:
    return list(asked.client.pages("stories", project_id=project, **query))


def _brief(stories: list[dict[str, Any]]) -> dict[str, Any]:
    shown = [{name: story.get(name) for name in BRIEF} for story in stories[:SHOWN]]
    return {"count": len(stories), "stories": shown}


def _state(asked: Asked, project: str) -> Any:
    try:
        return asked.client.get(f"orchestrator/state/{project}", state_key="main")["state"]
    except Refused as refused:
        if refused.status != 404:
            raise
        return None
