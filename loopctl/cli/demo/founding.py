"""Before the demo runs: a server, a tenant, agents with their keys, a project with a backlog."""

from pathlib import Path
from typing import Any

from msgspec import MsgspecError, Struct
from msgspec.json import decode

from loopctl.cli.demo.running import run_ours
from loopctl.cli.exits import Exit, Stop
from loopctl.cli.server_here import checkout, server_environment
from loopctl.client import Client

OPERATOR_SECONDS = 60


class Crew(Struct, frozen=True):
    """Raw keys by the name of their agent. ``cheat`` is an orchestrator's key of the implementer that cheats."""

    implementers: dict[str, str]
    reviewers: dict[str, str]
    orchestrator: tuple[str, str]
    cheat: str


def server_of(data: Path) -> str:
    """Where the service that runs on this directory answers. Raises Stop when none has run there."""
    try:
        said = decode((data / "run" / "service.json").read_bytes(), type=dict[str, str])
    except (OSError, MsgspecError):
        hint = "Start one: make up; or say where it is: --data-dir DIR, or --server URL --api-key KEY"
        raise Stop(Exit.USAGE, f"No service has run on {data.absolute()} yet.", hint) from None
    return said.get("LOOPCTL_PUBLIC_URL") or f"http://127.0.0.1:{said.get('LOOPCTL_PORT', '4000')}"


def new_tenant(data: Path, slug: str) -> str:
    """A user key of a tenant that the operator makes. Raises Stop where there is none."""
    root = checkout()
    if root is None:
        raise Stop(
            Exit.USAGE, "Making a tenant needs the server's checkout.", "Give a user key: loopctl demo --api-key KEY"
        )
    command = ("create-tenant", "--name", "Demo", "--slug", slug, "--email", f"{slug}@example.com")
    done = run_ours(
        "operations", *command, "--data-dir", str(data), seconds=OPERATOR_SECONDS, kept=True,
        environment=server_environment(root),
    )  # fmt: skip
    if done.returncode:
        raise Stop(Exit.FAILED, done.stderr.strip() or done.stdout.strip(), "Start a service: make up")
    return str(decode(done.stdout)["api_key"]["raw_key"])


def new_crew(client: Client, server: str, names: tuple[tuple[str, ...], tuple[str, ...], str]) -> Crew:
    """Every agent registers itself with its own key; the orchestrator's is made for it by the user. The one that cheats
    is of a type that may have such a key."""
    implementers, reviewers, orchestrator = names
    honest = (*implementers[1:], *reviewers)
    made = {name: _agent(client, server, name, "implementer") for name in honest}
    made[implementers[0]] = _agent(client, server, implementers[0], "orchestrator")
    agent_id, agent_key_id = _registered(client, server, orchestrator, "orchestrator")[1:]
    client.request("DELETE", f"api_keys/{agent_key_id}")
    cheat_id = next(each["id"] for each in client.pages("agents") if each["name"] == implementers[0])
    return Crew(
        {name: made[name] for name in implementers},
        {name: made[name] for name in reviewers},
        (orchestrator, str(_key(client, orchestrator, "orchestrator", agent_id)["raw_key"])),
        str(_key(client, f"{implementers[0]}-as-orchestrator", "orchestrator", cheat_id)["raw_key"]),
    )


def new_agent(client: Client, server: str, name: str, kind: str) -> str:
    """The id of an agent that has no long-lived key."""
    _, agent_id, key_id = _registered(client, server, name, kind)
    client.request("DELETE", f"api_keys/{key_id}")
    return agent_id


def new_key(client: Client, name: str, role: str, agent_id: str) -> str:
    return str(_key(client, name, role, agent_id)["raw_key"])


def new_project(client: Client, slug: str, payload: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Its id, and what the import says."""
    project = client.post("projects", {"name": f"Demo {slug}", "slug": slug})["project"]
    return str(project["id"]), client.post(f"projects/{project['id']}/import", payload)["import"]


def _agent(client: Client, server: str, name: str, kind: str) -> str:
    return _registered(client, server, name, kind)[0]


def _registered(client: Client, server: str, name: str, kind: str) -> tuple[str, str, str]:
    """The raw key, the agent's id, the key's id."""
    key = _key(client, name, "agent")
    own = Client(server, key["raw_key"])
    try:
        agent = own.post("agents/register", {"name": name, "agent_type": kind})["agent"]
    finally:
        own.close()
    return str(key["raw_key"]), str(agent["id"]), str(key["id"])


def _key(client: Client, name: str, role: str, agent_id: str | None = None) -> dict[str, Any]:
    body = {"name": name, "role": role, **({"agent_id": agent_id} if agent_id else {})}
    (made,) = client.post("api_keys", body).values()
    found: dict[str, Any] = made
    return found
