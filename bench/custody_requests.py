"""Requests of the custody machine: for every mutating operation of the OpenAPI document a path and a body.

Nothing here says what an operation does. One that is not known by name is sent everything that might mean something to
it, for members that a body has too many are ignored.
"""

import random
import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from bench.custody_model import CAPABILITIES
from bench.custody_team import Team, story_number
from tests.api.work import nobody

PLACEHOLDER = re.compile(r"\{\w+\}")
"""One that nobody here knows is the id of nothing: a path that is left as it is written leads nowhere, whoever asks."""
MUTATING = ("post", "put", "patch", "delete")
JUDGED = {"review_type": "team", "summary": "ok"}


class Operation(Struct, frozen=True):
    method: str
    path: str
    """As the document spells it."""
    public: bool = False
    """Whoever asks is asked for no key."""

    @property
    def name(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def in_bulk(self) -> bool:
        return "/bulk/" in self.path and not self.path.endswith("/claim")

    @property
    def last(self) -> str:
        """What a path ends with: of a transition its name."""
        return self.path.removeprefix("/api/v1/").rpartition("/")[2]


def operations(document: Mapping[str, Any]) -> list[Operation]:
    return [
        Operation(method, path, public=not methods[method]["security"])
        for path, methods in document["paths"].items()
        for method in MUTATING
        if method in methods
    ]


class Wanted(Struct, frozen=True):
    """``story`` is the one in the path; ``foreign`` when the path names something of another tenant."""

    operation: Operation
    path: str
    body: Any
    story: str | None
    foreign: bool
    headers: Mapping[str, str] = {}

    def capability(self, story: str) -> str | None:
        """What it presents for this story, however."""
        body = self.body if isinstance(self.body, dict) else {}
        if self.operation.in_bulk:
            return next((each.get("cap_id") for each in body["stories"] if each["story_id"] == story), None)
        return body.get("cap_id") or self.headers.get("X_Loopctl_Capability")


def wanted(operation: Operation, own: Team, other: Team, story: str, chance: random.Random) -> Wanted:
    """``story`` is asked about where the path names one; now and then something of the ``other`` tenant is."""
    foreign = "{" in operation.path and "/admin/" not in operation.path and chance.random() < 0.03
    owner = other if foreign else own
    asked = _one(list(other.stories), chance) if foreign else story
    ids = {
        "{story_id}": asked,
        "{epic_id}": _one(owner.epics, chance),
        "{project}": _one(owner.projects, chance),
        "{key_id}": _one(owner.spare_keys, chance),
        "{dispatch_id}": _one(owner.dispatches, chance),
        "{agent_id}": _one(owner.agents, chance),
        "{tenant_id}": nobody() if operation.last in TURNING else str(owner.tenant),
        "{position}": str(chance.randrange(400)),
        "{dependency_id}": _one(
            owner.epic_dependencies if "epic_d" in operation.path else owner.story_dependencies, chance
        ),
        "{ac_id}": "AC-1",
    }
    path = PLACEHOLDER.sub(lambda found: ids.get(found[0]) or nobody(), operation.path)
    make = BODIES.get(operation.name.removeprefix("POST /api/v1/stories/{story_id}/")) or BODIES.get(operation.name)
    body = (make or everything)(own, asked, chance)
    body, headers = _with_capability(operation, own, asked, body, chance)
    return Wanted(operation, path, body, asked if "{story_id}" in operation.path else None, foreign, headers)


def _with_capability(
    operation: Operation, own: Team, story: str, body: Any, chance: random.Random
) -> tuple[Any, Mapping[str, str]]:
    """The newest of the step's kind: of a story in the body or in the header, of many with each."""
    typ = CAPABILITIES.get(ACTIONS.get(operation.last, operation.last))
    if typ is None or chance.random() < 0.1:
        return body, {}
    if operation.in_bulk:
        items = [{**each, **_presenting(own, each["story_id"], typ)} for each in body["stories"]]
        return {**body, "stories": items}, {}
    shown = _presenting(own, story, typ)
    if shown and chance.random() < 0.2:
        return body, {"X_Loopctl_Capability": shown["cap_id"]}
    return {**body, **shown}, {}


def _presenting(own: Team, story: str, typ: str) -> Mapping[str, str]:
    cap = own.capabilities.get((story, typ))
    return {"cap_id": cap} if cap else {}


def _one(ids: list[str], chance: random.Random) -> str:
    return chance.choice(ids) if ids else nobody()


TURNING = ("suspend", "activate", "{tenant_id}")
"""Ends of paths by which a superadmin ends the campaign in a tenant, or changes its limits."""
ACTIONS = {"start-work": "start", "report-done": "report", "review-complete": "review"}
"""Ends of paths, as the model calls them where it calls them otherwise."""


def _likely_capability(team: Team, story: str, chance: random.Random) -> str:
    shown = team.stories.get(story)
    likely = {"assigned": "start_cap", "implementing": "report_cap"}.get(shown.agent_status if shown else "")
    return likely or chance.choice(("review_complete_cap", "verify_cap"))


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
    metadata = _metadata(chance)
    forged = {"agent_status": "reported_done", "verified_status": "verified", "assigned_agent_id": None}
    said = {
        "number": story_number(number),
        "title": f"Story {number}",
        "acceptance_criteria": [{"criterion": "c"}],
        "description": "d",
    }
    return {**said, "metadata": metadata, **forged}


def _metadata(chance: random.Random) -> Any:
    return {"backfill": {"reason": "done before"}} if chance.random() < 0.2 else {}


def _import(team: Team, story: str, chance: random.Random) -> Any:
    known = team.stories.get(story)
    if known and chance.random() < 0.3:
        item = {"number": known.number, "title": chance.choice((known.title, "T")), "metadata": _metadata(chance)}
        return {"merge": True, "epics": [{"number": 1, "title": "E", "stories": [item]}]}
    number = team.next_number()
    done = {
        "initial_agent_status": chance.choice((None, "reported_done", "reported_done")),
        "initial_verified_status": chance.choice((None, None, "pass")),
        "metadata": _metadata(chance),
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


SETTINGS: Mapping[str, tuple[Any, ...]] = {
    "auto_reset_on_rejection": (True, False),
    "require_distinct_verifier": (*(False,) * 5, True),
    "require_capabilities": (*(False,) * 9, True),
    "verification_gate": (*(False,) * 9, True, "evidence", "ci"),
    "verifier_binding": (*(False,) * 9, True),
    "device_bound_only": (False, True),
    "halt_on_self_attempt": (*(False,) * 3, True),
    "witness_mode": ("off", "observe", "observe", "required"),
    "lineage_policy": ("agent", "ancestry", "strict"),
    "cost_anomaly_daily": (True, False),
    "knowledge_auto_extract": (True, False),
}
"""Everything that a tenant can choose of custody; what leads nowhere for most callers is chosen seldom."""


def _settings(chance: random.Random) -> Any:
    """Each for itself as it was, or anew."""
    return {name: chance.choice(values) for name, values in SETTINGS.items() if chance.random() < 0.6}


JUNIT = (
    '<testsuite><testcase name="a"/></testsuite>', '<testsuite><testcase name="a"><failure/></testcase></testsuite>',
    '<testsuite><testcase name="b"/></testsuite>',
)  # fmt: skip
Make = Callable[[Team, str, random.Random], Any]
BODIES: Mapping[str, Make] = {
    "contract": _echo,
    "claim": _lease,
    "heartbeat": _lease,
    "report": _same({}),
    "report-done": _same({"artifact": {"artifact_type": "commit", "path": "pull/1"}}),
    "review-complete": _same({"review_type": "team", "findings_count": 1, "fixes_count": 1}),
    "verification-runs": lambda _, __, chance: {"status": chance.choice(("pass", "fail")), "commit_sha": "9fceb02d"},
    "evidence": lambda _, __, chance: {"junit": chance.choice(JUNIT), "commit": "9" * 40},
    "verify": _same(JUDGED),
    "reject": _same({"reason": "no"}),
    "backfill": lambda _, __, chance: {"reason": chance.choice(("done before", "and so"))},
    "recover-cap": lambda team, story, chance: {"cap_type": _likely_capability(team, story, chance)},
    "comments": _same({"body": "I have verified it myself"}),
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
        "title": chance.choice(("T", "U")), "verified_status": "verified", "metadata": _metadata(chance),
    },
    "POST /api/v1/story_dependencies": lambda team, story, chance: {
        "story_id": story, "depends_on_story_id": _several(team, story, chance)[1],
    },
    "POST /api/v1/epic_dependencies": lambda team, _, chance: {
        "epic_id": _one(team.epics, chance), "depends_on_epic_id": _one(team.epics, chance),
    },
    "POST /api/v1/api_keys": lambda team, _, chance: {
        "name": "spare", "role": chance.choice(("agent", "orchestrator", "user")),
        "agent_id": chance.choice((None, _one(team.agents, chance))),
    },
    "POST /api/v1/agents/register": lambda _, __, chance: {
        "name": nobody(), "agent_type": chance.choice(("implementer", "orchestrator")),
    },
    "PATCH /api/v1/stories/{story_id}/acceptance_criteria/{ac_id}": lambda _, __, chance: chance.choice(
        ({"status": "verified"}, {"verification_criterion": {"type": "manual", "description": chance.choice("ab")}})
    ),
    "PATCH /api/v1/agents/{agent_id}": lambda _, __, chance: {
        "status": chance.choice(("active", "active", "deactivated")), "metadata": {"a": 1},
    },
    "POST /api/v1/dispatches": lambda team, story, chance: {
        "role": chance.choice(("agent", "orchestrator", "orchestrator", "user")), "story_id": story,
        "agent_id": chance.choice((None, _one(team.agents, chance))),
        "parent_dispatch_id": chance.choice((None, None, _one(team.dispatches, chance))),
    },
    "PATCH /api/v1/tenants/me": lambda _, __, chance: {"settings": _settings(chance)},
    "POST /api/v1/audit/witness": lambda _, __, chance: {"note": chance.choice(("", "a\n1\nb\n", "\u00e9"))},
    "POST /api/v1/tenants/me/clear-halt": _same({"reason": "looked at"}),
}  # fmt: skip
"""By the end of a story's path, or by the whole operation."""
