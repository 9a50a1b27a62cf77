"""Requests of the custody machine: for every mutating operation of the OpenAPI document a path and a body.

Nothing here says what an operation does. One that is not known by name is sent everything that might mean something to
it, for members that a body has too many are ignored.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from bench.custody_team import Team, story_number
from tests.api.work import nobody

MUTATING = ("post", "put", "patch", "delete")
JUDGED = {"review_type": "team", "summary": "ok"}


class Operation(Struct, frozen=True):
    method: str
    path: str
    """As the document spells it."""

    @property
    def name(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def last(self) -> str:
        """What a path ends with: of a transition its name."""
        return self.path.removeprefix("/api/v1/").rpartition("/")[2]


def operations(document: Mapping[str, Any]) -> list[Operation]:
    paths = document["paths"].items()
    return [Operation(method, path) for path, methods in paths for method in MUTATING if method in methods]


class Wanted(Struct, frozen=True):
    """``story`` is the one in the path; ``foreign`` when the path names something of another tenant."""

    operation: Operation
    path: str
    body: Any
    story: str | None
    foreign: bool


def wanted(operation: Operation, own: Team, other: Team, story: str, chance: random.Random) -> Wanted:
    """``story`` is asked about where the path names one; now and then something of the ``other`` tenant is."""
    foreign = "{" in operation.path and chance.random() < 0.03
    owner = other if foreign else own
    asked = _one(list(other.stories), chance) if foreign else story
    ids = {
        "{story_id}": asked,
        "{epic_id}": _one(owner.epics, chance),
        "{project}": _one(owner.projects, chance),
        "{key_id}": _one(owner.spare_keys, chance),
        "{agent_id}": _one(owner.agents, chance),
        "{dependency_id}": _one(
            owner.epic_dependencies if "epic_d" in operation.path else owner.story_dependencies, chance
        ),
    }
    path = operation.path.removeprefix("/api/v1")
    for name, value in ids.items():
        path = path.replace(name, value)
    make = BODIES.get(operation.name.removeprefix("POST /api/v1/stories/{story_id}/")) or BODIES.get(operation.name)
    body = (make or everything)(own, asked, chance)
    return Wanted(operation, path, body, asked if "{story_id}" in operation.path else None, foreign)


def _one(ids: list[str], chance: random.Random) -> str:
    return chance.choice(ids) if ids else nobody()


def _echo(team: Team, story: str, _: random.Random) -> Any:
    shown = team.stories.get(story)
    return {"story_title": shown.title if shown else "?", "ac_count": shown.ac_count if shown else 0}


def _several(team: Team, story: str, chance: random.Random) -> list[str]:
    return [story, *chance.sample(list(team.stories), 2)]


def _in_bulk(team: Team, story: str, chance: random.Random) -> Any:
    return {"stories": [{"story_id": each, "reason": "no", **JUDGED} for each in _several(team, story, chance)]}


def _lease(_: Team, __: str, chance: random.Random) -> Any:
    return {"lease_seconds": chance.choice((None, None, 60))}


def _same(body: Any) -> "Make":
    return lambda *_: body


def _story(team: Team, _: str, chance: random.Random) -> Any:
    number = team.next_number()
    metadata = {"backfill": {"reason": "done before"}} if chance.random() < 0.2 else {}
    forged = {"agent_status": "reported_done", "verified_status": "verified", "assigned_agent_id": None}
    return {"number": story_number(number), "title": f"Story {number}", "metadata": metadata, **forged}


def _import(team: Team, _: str, chance: random.Random) -> Any:
    number = team.next_number()
    done = {
        "initial_agent_status": chance.choice((None, "reported_done", "reported_done")),
        "initial_verified_status": chance.choice((None, None, "pass")),
    }
    item = {"number": story_number(number), "title": f"Story {number}", **done}
    return {"epics": [{"number": number, "title": "E", "stories": [item]}]}


def everything(team: Team, story: str, chance: random.Random) -> Any:
    done = {"agent_status": "reported_done", "verified_status": "verified", "status": "verified", "reason": "no"}
    judged = {"story_id": story, "title": "T", "number": "1.1", **done, **JUDGED}
    return {
        **judged, "story_ids": list(team.stories), "stories": [judged], "merge": True,
        "epics": [{"number": 1, "title": "E", "stories": [judged]}],
        "project_id": _one(team.projects, chance), "agent_id": _one(team.agents, chance),
    }  # fmt: skip


Make = Callable[[Team, str, random.Random], Any]
BODIES: Mapping[str, Make] = {
    "contract": _echo,
    "claim": _lease,
    "heartbeat": _lease,
    "report": _same({}),
    "report-done": _same({"artifact": {"artifact_type": "commit", "path": "pull/1"}}),
    "review-complete": _same({"review_type": "team", "findings_count": 1, "fixes_count": 1}),
    "verify": _same(JUDGED),
    "reject": _same({"reason": "no"}),
    "backfill": lambda _, __, chance: {"reason": chance.choice(("done before", "and so"))},
    "artifacts": _same({"artifact_type": "commit", "path": "pull/1"}),
    "POST /api/v1/stories/bulk/claim": lambda *each: {"story_ids": _several(*each)},
    "POST /api/v1/stories/bulk/verify": _in_bulk,
    "POST /api/v1/stories/bulk/reject": _in_bulk,
    "POST /api/v1/stories/bulk/mark-complete": _in_bulk,
    "POST /api/v1/stories/next/claim": lambda team, _, chance: {"project_id": _one(team.projects, chance)},
    "POST /api/v1/epics/{epic_id}/verify-all": _same(JUDGED),
    "POST /api/v1/epics/{epic_id}/stories": _story,
    "POST /api/v1/projects/{project}/stories": lambda *each: {"epic_number": 1, **_story(*each)},
    "POST /api/v1/projects/{project}/epics": lambda team, *_: {"number": team.next_number(), "title": "E"},
    "POST /api/v1/projects/{project}/import": _import,
    "POST /api/v1/projects": lambda team, *_: {"name": "P", "slug": f"p-{team.next_number()}"},
    "PATCH /api/v1/stories/{story_id}": lambda _, __, chance: {
        "title": chance.choice(("T", "U")), "verified_status": "verified", "metadata": {"backfill": {"reason": "x"}},
    },
    "POST /api/v1/story_dependencies": lambda team, story, chance: {
        "story_id": story, "depends_on_story_id": _several(team, story, chance)[1],
    },
    "POST /api/v1/epic_dependencies": lambda team, _, chance: {
        "epic_id": _one(team.epics, chance), "depends_on_epic_id": _one(team.epics, chance),
    },
    "POST /api/v1/api_keys": lambda _, __, chance: {"name": "spare", "role": chance.choice(("agent", "orchestrator"))},
    "POST /api/v1/agents/register": lambda *_: {"name": nobody(), "agent_type": "implementer"},
    "PATCH /api/v1/agents/{agent_id}": _same({"status": "active", "metadata": {"a": 1}}),
    "PATCH /api/v1/tenants/me": lambda _, __, chance: {
        "settings": {"auto_reset_on_rejection": chance.random() < 0.5}
    },
}  # fmt: skip
"""By the end of a story's path, or by the whole operation."""
