"""What the custody machine over HTTP learns from answers: settings, keys, capabilities, and ids of what was made."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import structs

from bench.custody_model import MAKING, Model, Policy
from bench.custody_requests import Wanted
from bench.custody_team import Caller, Team
from tests.api.asgi import Answer

PROJECTS = "SELECT project_id FROM app.project WHERE tenant_id = $1 AND status = 'active' ORDER BY position"
EPICS = "SELECT epic_id FROM app.epic WHERE tenant_id = $1 ORDER BY position"
REVOKING = {"POST /api/v1/dispatches/{dispatch_id}/revoke", "DELETE /api/v1/api_keys/{key_id}"}
"""What ends a link of chains: everything below it ends with it."""
POOLS = {
    "project": "projects", "epic": "epics", "api_key": "spare_keys", "agent": "agents",
    "story_dependency": "story_dependencies", "epic_dependency": "epic_dependencies",
}  # fmt: skip
"""Members of answers, and where their ids go."""


class Learning:
    def __init__(self, model: Model) -> None:
        self._model = model

    def learn(self, own: Team, caller: Caller, wish: Wanted, answer: Answer) -> None:
        """For later requests. Raises Bypass."""
        if answer.status >= 300:
            return
        name, path = wish.operation.name, wish.path.split("/")
        if name == "PATCH /api/v1/tenants/me":
            self.set(own, answer.json()["tenant"]["settings"])
        if name == "PATCH /api/v1/agents/{agent_id}":
            agent = answer.json()["agent"]
            (self._model.left.add if agent["status"] == "deactivated" else self._model.left.discard)(UUID(agent["id"]))
        if name in REVOKING:
            own.ended.add(UUID(path[4]))
        if wish.operation.last in (*MAKING, "import"):
            self._model.goes_on(own.tenant, caller.person, wish.operation.last)
        self._learn_capability(own, caller, wish, answer)
        if name == "POST /api/v1/dispatches":
            person = own.dispatched(caller.person, answer.json()["data"])
            self._model.dispatched(caller.person, person)
        elif answer.status == 201:
            self._learn_made(own, caller, answer, path[4] if wish.operation.last == "rotate" else None)

    def set(self, own: Team, settings: Mapping[str, Any]) -> None:
        own.settings, model = settings, self._model
        policy: Policy = settings.get("lineage_policy", "ancestry")
        model.policies[own.tenant] = policy
        for name, tenants in (
            ("require_distinct_verifier", model.distinct), ("require_capabilities", model.demanding),
            ("verifier_binding", model.binding),
        ):  # fmt: skip
            (tenants.add if settings.get(name) else tenants.discard)(own.tenant)
        model.wants[own.tenant] = settings.get("verification_gate", False)

    def _learn_made(self, own: Team, caller: Caller, answer: Answer, replaces: str | None) -> None:
        for name, made in answer.json().items():
            if name in ("api_key", "new_key"):
                person = own.minted(caller.person, made, replaces)
                self._model.minted(caller.person, person.role, person.agent_type)
            if name == "agent":
                self._model.minted(caller.person, caller.person.role, made["agent_type"])
                own.agent_types[made["id"]] = made["agent_type"]
                caller.person = structs.replace(caller.person, agent=UUID(made["id"]), agent_type=made["agent_type"])
            pool = POOLS.get(name)
            if pool:
                getattr(own, pool).append(made["id"])

    def _learn_capability(self, own: Team, caller: Caller, wish: Wanted, answer: Answer) -> None:
        token = (
            answer.json().get("data" if wish.operation.last == "recover-cap" else "capability", None)
            if (answer.body)
            else None
        )
        if token is None or UUID(token["story_id"]) not in map(UUID, own.stories):
            return
        own.capabilities[token["story_id"], token["typ"]] = token["cap_id"]
        until = datetime.fromisoformat(token["expires_at"])
        self._model.given(caller.person, token["typ"], UUID(token["story_id"]), UUID(token["cap_id"]), until)

    async def forget_what_is_gone(self, own: Team, outside: "asyncpg.Connection[asyncpg.Record]") -> None:
        own.projects = [str(row[0]) for row in await outside.fetch(PROJECTS, own.tenant)]
        own.epics = [str(row[0]) for row in await outside.fetch(EPICS, own.tenant)]
