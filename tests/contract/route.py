"""What a route of the table is: who may, what comes back, and a request that succeeds."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

V1 = "/api/v1"
PATHS = {
    "project": "$project",
    "epic_id": "$epic",
    "story_id": "$story",
    "agent_id": "$agent",
    "key_id": "$key",
    "authenticator_id": "$authenticator",
    "ceremony_id": "$ceremony",
    "dispatch_id": "$dispatch",
    "tenant_id": "$tenant",
    "run_id": "$run",
    "evidence_id": "$evidence",
    "webhook_id": "$webhook",
    "usage_id": "$usage",
    "budget_id": "$budget",
    "anomaly_id": "$anomaly",
    "skill_id": "$skill",
    "article_id": "$article",
    "link_id": "$article_link",
    "ui_test_run_id": "$ui_test_run",
    "version": "1",
    "violator_id": "$violator",
    "ac_id": "AC-1",
    "position": "0",
    "rest": "0/000.p/2",
}
"""What stands for a path parameter; ``$kind`` is the id of a thing of that kind (tests/contract/world.py)."""


class Route(Struct, frozen=True):
    method: str
    path: str
    access: str
    success: int
    who: str
    """A caller of tests/contract/world.py that may; "" for nobody in particular."""
    ids: Mapping[str, str] = {}
    """Path parameters that differ from PATHS."""
    query: Mapping[str, str] = {}
    body: Any = None
    """None: the route takes none."""
    headers: Mapping[str, str] = {}
    """With underscores for hyphens."""
    kept: bool = True
    """A challenge is kept under no idempotency key: each is another one."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def placeholders(self) -> dict[str, str]:
        parts = [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
        return {part: self.ids.get(part, PATHS.get(part, "")) for part in parts}

    @property
    def mutates(self) -> bool:
        return self.method != "GET" and self.kept

    @property
    def public(self) -> bool:
        return self.access == "public"

    @property
    def admin(self) -> bool:
        return self.access == "=superadmin"


def public(path: str, success: int = 200, **more: Any) -> Route:
    return Route("GET", path, "public", success, "", **more)


def read(path: str, access: str = "agent+", who: str = "implementer", **more: Any) -> Route:
    return Route("GET", V1 + path, access, 200, who, **more)


def step(name: str, access: str, who: str, state: str, body: Any = None, success: int = 200) -> Route:
    path = f"{V1}/stories/{{story_id}}/{name}"
    return Route("POST", path, access, success, who, {"story_id": f"${state}"}, body=body)


def write(method: str, path: str, access: str, success: int, who: str, **more: Any) -> Route:
    return Route(method, V1 + path, access, success, who, **more)
