"""A tenant that looks like one at work: the demo's backlog, a few days of what its crew did, and what that cost.

Everything is asked for over the API, by whom it takes, at moments of a clock that is moved by hand.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tests.api.logs import Service
from tests.api.work import Client, client
from tests.support.database import TestDatabase

BACKLOG = Path("loopctl/cli/demo/backlog.json")
LASTS = timedelta(hours=58, minutes=8)
"""Heads are signed by the real clock: what happened ends about now."""
PROJECT, OTHER = "reading-list", "status-page"
MODELS = {"ann": "claude-sonnet-4-5", "ben": "claude-sonnet-4-5", "cleo": "claude-opus-4-1"}
OTHERS = (
    ("1.1", "Show whether the service is up"), ("1.2", "Keep ninety days of history"),
    ("1.3", "Tell subscribers of an outage"), ("1.4", "Plan maintenance ahead"),
)  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC) - LASTS

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **time: float) -> None:
        self.now += timedelta(**time)


class Showroom(Struct, frozen=True):
    """``paths`` are pages worth a picture, by the name of its file."""

    user: Client
    database: TestDatabase
    paths: Mapping[str, str]


class Crew(Struct, frozen=True):
    clock: Clock
    user: Client
    agents: Mapping[str, Client]
    ids: Mapping[str, str]
    lead: Client
    stories: dict[str, str]
    versions: Sequence[str]

    async def does(self, who: Client, number: str, step: str, body: Any = None) -> None:
        answer = await who.post(f"/stories/{self.stories[number]}/{step}", body)
        assert answer.status < 300, (number, step, answer.body)

    async def takes(self, name: str, number: str, until: str = "start") -> None:
        shown = await self.user.shown(self.stories[number])
        await self.does(
            self.agents[name], number, "contract", {"story_title": shown["title"], "ac_count": shown["ac_count"]}
        )
        if until == "contract":
            return
        await self.does(self.agents[name], number, "claim", {"lease_seconds": 5400})
        self.clock.passes(minutes=4)
        await self.does(self.agents[name], number, "start")

    async def works(self, name: str, number: str, minutes: int, tokens: int, reviewer: str = "rae") -> None:
        """Until it is reported by somebody else."""
        self.clock.passes(minutes=minutes)
        version = self.versions[0 if number < "2.1" else 1]
        usage = {
            "story_id": self.stories[number], "model_name": MODELS[name], "phase": "implementing",
            "input_tokens": tokens * 2 // 10, "cache_read_tokens": tokens * 7 // 10, "cache_write_tokens": tokens // 20,
            "output_tokens": tokens // 20, "skill_version_id": version,
        }  # fmt: skip
        answer = await self.agents[name].post("/token-usage", usage)
        assert answer.status == 201, answer.body
        await self.does(self.agents[name], number, "request-review")
        if number == "2.4":
            refused = await self.agents[name].post(f"/stories/{self.stories[number]}/report")
            assert refused.status == 409, refused.body
        self.clock.passes(minutes=6)
        shown = {"artifact": {"artifact_type": "test", "path": f"tests/test_{number.replace('.', '_')}.py"}}
        await self.does(self.agents[reviewer], number, "report", shown)

    async def reviews(self, number: str, found: int = 2, reviewer: str = "rae") -> None:
        self.clock.passes(minutes=11)
        said = {
            "review_type": "enhanced", "findings_count": found, "fixes_count": found, "disproved_count": 0,
            "summary": "Read line by line, and run against every criterion.",
        }  # fmt: skip
        await self.does(self.agents[reviewer], number, "review-complete", said)
        usage = {
            "story_id": self.stories[number], "model_name": "claude-haiku-4-5", "phase": "reviewing",
            "input_tokens": 31_000, "output_tokens": 2_400,
        }  # fmt: skip
        assert (await self.agents[reviewer].post("/token-usage", usage)).status == 201

    async def verifies(self, number: str) -> None:
        self.clock.passes(minutes=9)
        said = {"review_type": "enhanced", "summary": "Every criterion was tried again, from a clean checkout."}
        await self.does(self.lead, number, "verify", said)

    async def rejects(self, number: str, reason: str) -> None:
        self.clock.passes(minutes=9)
        await self.does(self.lead, number, "reject", {"reason": reason})


async def _neighbours(started: Service) -> None:
    for name in ("Copper Mill", "North Pier"):
        user = await client(started)
        await user.patch("/tenants/me", {"name": name})
        await user.story(await user.epic(await user.project()))


async def furnish(started: Service, clock: Clock, database: TestDatabase) -> Showroom:
    user = await _key(await client(started), "olga", "user")
    await _neighbours(started)
    crew = await _crew(user, clock)
    await _first_days(crew)
    before = (await user.get(f"/audit/sth/{user.tenant}")).json()["data"]["size"]  # signs a head
    await _today(crew)
    webhook = await _webhook(user)
    article = await _knowledge(user, crew.agents["rae"], crew.stories["2.1"])
    head = (await user.get(f"/audit/sth/{user.tenant}")).json()["data"]["size"]
    clock.passes(minutes=7)
    return Showroom(user, database, {
        "overview": "/app", "board": f"/app/projects/{PROJECT}/board", "graph": f"/app/projects/{PROJECT}/graph",
        "story": f"/app/stories/{crew.stories['2.1']}", "story-open": f"/app/stories/{crew.stories['2.3']}",
        "story-then": f"/app/stories/{crew.stories['2.1']}?at=70", "inbox": "/app/inbox",
        "agents": "/app/agents", "costs": "/app/costs",
        "costs-of": f"/app/costs?project={PROJECT}", "custody": "/app/custody",
        "custody-entry": f"/app/custody/entries/{head // 2}",
        "custody-heads": f"/app/custody/heads?first={before}&second={head}", "webhooks": "/app/webhooks",
        "webhook": f"/app/webhooks/{webhook}", "settings": "/app/settings",
        "knowledge": "/app/knowledge", "article": f"/app/knowledge/{article}",
        "admin": "/app/admin", "admin-tenant": f"/app/admin/tenants/{user.tenant}",
    })  # fmt: skip


async def _crew(user: Client, clock: Clock) -> Crew:
    answer = await user.patch("/tenants/me", {"name": "Blue Shelf"})
    assert answer.status == 200, answer.body
    agents, ids = {}, {}
    for name, kind in (("ann", "implementer"), ("ben", "implementer"), ("cleo", "implementer"), ("rae", "implementer"),
                       ("lead", "orchestrator")):  # fmt: skip
        agents[name] = await _key(user, name, "agent")
        made = await agents[name].post("/agents/register", {"name": name, "agent_type": kind})
        ids[name] = made.json()["agent"]["id"]
    lead = await _key(user, "lead", "orchestrator", agent_id=ids["lead"])
    stories = await _project(user)
    skill = await user.post("/skills", {"name": "implement", "prompt_text": "Test first.", "description": "How"})
    assert skill.status == 201, skill.body
    made = skill.json()["skill"]
    second = await user.post(
        f"/skills/{made['id']}/versions", {"prompt_text": "Test first, then less.", "changelog": "Shorter"}
    )
    assert second.status == 201, second.body
    versions = (await user.get(f"/skills/{made['id']}/versions")).json()["data"]
    return Crew(clock, user, agents, ids, lead, stories, [each["id"] for each in reversed(versions)])


async def _key(user: Client, name: str, role: str, **more: str) -> Client:
    """With the name of whoever has it, which is what people see."""
    made = await user.post("/api_keys", {"name": name, "role": role, **more})
    assert made.status == 201, made.body
    return Client(user.service, user.tenant, made.json()["api_key"]["raw_key"])


async def _project(user: Client) -> dict[str, str]:
    project = await user.project(PROJECT, mission="Books that were read, and those that wait")
    # The names are people's, not slugs.
    await user.patch(f"/projects/{project}", {"name": "Reading list"})
    answer = await user.post(f"/projects/{project}/import", msgspec.json.decode(BACKLOG.read_bytes()))
    assert answer.status < 300, answer.body
    other = await user.project(OTHER, mission="What customers look at when something is down")
    await user.patch(f"/projects/{other}", {"name": "Status page"})
    epic = await user.epic(other, title="What everybody sees")
    for number, title in OTHERS:
        await user.story(epic, number, title=title, acceptance_criteria=[{"criterion": "It is tested"}])
    for scope, limit in (("project", 1_500_000), ("epic", 800_000)):
        of = project if scope == "project" else (await user.get(f"/projects/{project}/epics")).json()["data"][0]["id"]
        body = {"scope_type": scope, "scope_id": of, "budget_millicents": limit, "enforcement": "warn"}
        made = await user.post("/token-budgets", body)
        assert made.status == 201, made.body
    listed = (await user.get(f"/stories?project_id={project}&limit=500")).json()["data"]
    return {each["number"]: each["id"] for each in listed}


async def _first_days(crew: Crew) -> None:
    done = (("ann", "1.1", 55, 410_000), ("ben", "1.2", 48, 380_000), ("cleo", "1.4", 70, 520_000),
            ("ann", "1.3", 35, 240_000))  # fmt: skip
    for name, number, minutes, tokens in done:
        await crew.takes(name, number)
        await crew.works(name, number, minutes, tokens)
        await crew.reviews(number)
        await crew.verifies(number)
        crew.clock.passes(hours=7)
    await crew.takes("ben", "2.1")
    await crew.works("ben", "2.1", 40, 360_000)
    await crew.reviews("2.1", 1)
    await crew.rejects("2.1", "AC-2.1.1: with two books of one day the older came first.")
    crew.clock.passes(hours=13)
    await crew.takes("ben", "2.1")
    await crew.works("ben", "2.1", 25, 190_000)
    await crew.reviews("2.1", 0)
    await crew.verifies("2.1")
    crew.clock.passes(hours=5)


async def _today(crew: Crew) -> None:
    """Something at each place of the board."""
    await crew.takes("cleo", "2.2")
    crew.clock.passes(hours=3)
    await crew.takes("ann", "3.1")
    await crew.works("ann", "3.1", 30, 300_000)
    await crew.reviews("3.1")
    await crew.takes("ann", "2.4")
    await crew.works("ann", "2.4", 20, 160_000)
    await crew.takes("ben", "2.3")
    await crew.takes("ann", "3.3", "contract")


async def _knowledge(user: Client, reviewer: Client, story: str) -> str:
    written = [
        {"title": "Sort by time and then by id", "category": "finding", "tags": ["sql", "order"], "story_id": story,
         "body": "Two rows of one day came in either order.\n\nWhatever is listed by a time is listed by its id"
         " as well, or a page may show a row twice and another never."},
        {"title": "A file is written beside the old one and renamed", "category": "pattern", "tags": ["files"],
         "body": "So that whoever reads it finds the old one or the new one, and never half of one."},
        {"title": "Dates are in the reader's own calendar", "category": "convention", "tags": ["words"], "body": "-"},
    ]  # fmt: skip
    ids = []
    for place, each in enumerate(written):
        who, status = (user, "published") if place < 2 else (reviewer, "draft")
        made = await who.post("/articles", {**each, "status": status})
        assert made.status == 201, made.body
        ids.append(made.json()["data"]["id"])
    found: str = ids[0]
    return found


async def _webhook(user: Client) -> str:
    body = {"url": "https://hooks.example.com/loopctl", "events": ["story.verified", "story.rejected"]}
    made = await user.post("/webhooks", body)
    found: str = made.json()["webhook"]["id"]
    assert (await user.post(f"/webhooks/{found}/test", {})).status == 200
    return found
