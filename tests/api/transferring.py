"""Imports and exports as a client sends them."""

from typing import Any

import msgspec

from api.http.shell import Shell
from tests.api.asgi import JSON, Answer, ask
from tests.api.logs import create


async def new_project(app: Shell, raw: str, slug: str = "my-app") -> str:
    """Its id."""
    answer = await create(app, raw, {"name": "My App", "slug": slug})
    found: str = answer.json()["project"]["id"]
    return found


async def send(app: Shell, raw: str, project: str, body: Any, *, query: str = "", **headers: str) -> Answer:
    """An import."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(
        app,
        f"/api/v1/projects/{project}/import{query}",
        method="POST",
        headers={**JSON, "Authorization": f"Bearer {raw}", **more},
        body=msgspec.json.encode(body),
    )


async def merge(app: Shell, raw: str, project: str, body: Any) -> Any:
    """The summary of a merge that was accepted."""
    answer = await send(app, raw, project, body, query="?merge=true")
    assert answer.status == 200, answer.body
    return answer.json()["import"]


async def exported(app: Shell, raw: str, project: str) -> Any:
    answer = await ask(app, f"/api/v1/projects/{project}/export", headers={"Authorization": f"Bearer {raw}"})
    assert answer.status == 200, answer.body
    return answer.json()


def work(*numbers: str, edges: Any = (), **more: Any) -> dict[str, Any]:
    """An import of stories in the epics that their numbers begin with; edges are pairs of story numbers."""
    epics: dict[int, dict[str, Any]] = {}
    for number in numbers:
        major = int(number.lower().removeprefix("us-").partition(".")[0])
        epic = epics.setdefault(major, {"number": major, "title": f"Epic {major}", "stories": []})
        epic["stories"].append({"number": number, "title": f"Story {number}"})
    dependencies = [{"story": one, "depends_on": other} for one, other in edges]
    return {"epics": list(epics.values()), "story_dependencies": dependencies, **more}
