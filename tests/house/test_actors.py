"""A message carries an id and nothing else: what is to be done is in a row, so losing Redis loses no work."""

import ast
import inspect
from collections.abc import Callable
from typing import Any, get_type_hints
from uuid import UUID

from tests.house.tree import Source, sources
from workers.actors import Tools
from workers.registry import ACTORS, JOBS

WAY_TO_DRAMATIQ = "workers/broker.py"
SENDING = {"Message", "actor", "enqueue", "send", "send_with_options"}


def foreign_parameters(run: Callable[..., Any]) -> list[str]:
    """Parameters after the tools that are not ids: a UUID, or a NewType of it."""
    hints = get_type_hints(run)
    first, *rest = inspect.signature(run).parameters
    wrong = [] if hints[first] is Tools else [first]
    return wrong + [name for name in rest if getattr(hints.get(name), "__supertype__", hints.get(name)) is not UUID]


def ways_around(source: Source) -> list[str]:
    """Calls of Dramatiq in a module that imports it, other than the one module that may make messages."""
    tree = source.tree()
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None), *(alias.name for alias in node.names)]
        if name
    }
    if source.name == WAY_TO_DRAMATIQ or not any(name.partition(".")[0] == "dramatiq" for name in imported):
        return []
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = [call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in called]
    return [f"{source.name} calls {name}" for name in names if name in SENDING]


def test_every_actor_takes_its_tools_and_ids_only() -> None:
    """Went red when the one actor's `run_id: UUID` was changed to `payload: dict[str, str]`."""
    actors = {actor.name: actor.run for actor in (*ACTORS, *(job.actor for job in JOBS))}
    assert actors
    assert {name: foreign_parameters(run) for name, run in actors.items()} == {name: [] for name in actors}


def test_an_actor_that_takes_a_payload_is_found() -> None:
    async def deliver(tools: Tools, delivery_id: UUID, payload: dict[str, str]) -> None: ...

    async def forgetful(delivery_id: UUID, url: str) -> None: ...

    assert foreign_parameters(deliver) == ["payload"]
    assert foreign_parameters(forgetful) == ["delivery_id", "url"]


def test_only_the_broker_makes_messages() -> None:
    """Went red when workers/scheduler.py imported dramatiq and called `dramatiq.actor`."""
    servers = [source for source in sources(".py") if source.package not in ("tests", "bench")]
    assert [line for source in servers for line in ways_around(source)] == []


def test_a_message_made_elsewhere_is_found() -> None:
    made_up = "import dramatiq\n\n@dramatiq.actor(queue_name='mail')\ndef deliver(payload): ...\n"
    assert ways_around(Source("workers/made_up.py", made_up)) == ["workers/made_up.py calls actor"]
    assert ways_around(Source(WAY_TO_DRAMATIQ, made_up)) == []
