"""A whole service as `loopctl up` runs it, with tenants, agents and stories made over HTTP: what benchmarks ask."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import psutil
from msgspec import Struct

from bench.transition_load import Agent, Task
from migrations.roles import with_role
from operations.__main__ import main as operator
from supervisor.data_directory import DataDirectory
from supervisor.postgres import EmbeddedPostgres
from tests.support.backlog import backlog
from tests.support.running import Run, up

REQUESTS_PER_MINUTE = 100_000
"""What the superadmin lets each key ask."""
TIMEOUT_SECONDS = 120.0
PAGE = 100


class Live:
    """One running service."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.port = int(run.address.rpartition(":")[2])
        self._http = httpx2.Client(base_url=f"{run.address}/api/v1", timeout=TIMEOUT_SECONDS, trust_env=False)
        self._superadmin = self._operator("create-superadmin", "--name", "bench")["api_key"]["raw_key"]
        self._tenants = 0

    @property
    def admin_url(self) -> str:
        data = DataDirectory(self.run.data)
        password = (data.keys / "postgres-superuser").read_text().strip()
        return with_role(EmbeddedPostgres(data).admin_url, "postgres", password)

    @property
    def api(self) -> psutil.Process:
        return self.run.child("-m", "api")

    def tenant(self, agents: int) -> "Tenant":
        """With its agents registered, each with a key of its own, and with limits that let them work."""
        self._tenants += 1
        slug = f"bench-{self._tenants}"
        made = self._operator("create-tenant", "--name", slug, "--slug", slug, "--email", f"{slug}@example.com")
        tenant_id, raw_key = made["tenant"]["id"], made["api_key"]["raw_key"]
        limits = {"settings": {"rate_limit_requests_per_minute": REQUESTS_PER_MINUTE}}
        self.send(self._superadmin, "PATCH", f"/admin/tenants/{tenant_id}", limits)
        return Tenant(self, tenant_id, raw_key, [self._agent(raw_key, f"agent-{number}") for number in range(agents)])

    def send(self, raw_key: str, method: str, path: str, body: Any = None) -> Any:
        sent = None if body is None else msgspec.json.encode(body)
        headers = {"Authorization": f"Bearer {raw_key}", "Content-Type": "application/json"}
        answer = self._http.request(method, path, content=sent, headers=headers)
        if not answer.is_success:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return msgspec.json.decode(answer.content)

    def _agent(self, raw_key: str, name: str) -> str:
        key = self.send(raw_key, "POST", "/api_keys", {"name": name, "role": "agent"})["api_key"]["raw_key"]
        self.send(key, "POST", "/agents/register", {"name": name, "agent_type": "implementer"})
        return str(key)

    def _operator(self, *arguments: str) -> Any:
        said = StringIO()
        with redirect_stdout(said):
            code = operator([*arguments, "--data-dir", str(self.run.data)])
        if code:
            raise RuntimeError(f"{arguments[0]} ended with {code}")
        return msgspec.json.decode(said.getvalue())


class Tenant(Struct):
    """``agents`` are their raw keys; ``raw_key`` is a user's."""

    live: Live
    id: str
    raw_key: str
    agents: list[str]
    projects: list[str] = []

    def stories(self, count: int) -> list[Task]:
        """New ones that wait for nobody, in a project of their own."""
        slug = f"p-{len(self.projects) + 1}"
        project = self.live.send(self.raw_key, "POST", "/projects", {"name": slug, "slug": slug})["project"]["id"]
        self.projects.append(project)
        body = backlog(max(1, count // 100), count)
        body = {"epics": body["epics"], "story_dependencies": [], "epic_dependencies": []}
        self.live.send(self.raw_key, "POST", f"/projects/{project}/import", body)
        return [task for offset in range(0, count, PAGE) for task in self._page(project, offset)]

    def _page(self, project: str, offset: int) -> Sequence[Task]:
        path = f"/stories?project_id={project}&limit={PAGE}&offset={offset}"
        found = self.live.send(self.raw_key, "GET", path)["data"]
        return [Task(story["id"], story["title"], story["ac_count"]) for story in found]

    def work(self, each: int) -> list[Agent]:
        """``each`` new stories for every agent."""
        tasks = self.stories(each * len(self.agents))
        return [Agent(raw_key, tasks[number :: len(self.agents)]) for number, raw_key in enumerate(self.agents)]


@contextmanager
def live(**environment: str) -> Iterator[Live]:
    with (
        tempfile.TemporaryDirectory(prefix="loopctl-bench-") as folder,
        up(Path(folder) / "data", environment={"LOOPCTL_LOG_LEVEL": "info", **environment}) as run,
    ):
        run.wait_until_healthy()
        yield Live(run)
