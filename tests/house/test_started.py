"""Whoever runs the tests or the benchmarks and is killed leaves nothing: every process goes through `guarded`.

Went red when a Redis of the benchmarks was started without it.
"""

import ast
from collections.abc import Iterator

import pytest

from tests.house.tree import Source, sources

STARTING = {"Popen", "create_subprocess_exec", "create_subprocess_shell"}
ENDS_AT_ONCE = {"tests/supervisor/test_guard.py: ended"}
"""Who is waited for in the next line, and needs no guard for what is tried there."""


def unguarded(source: Source) -> Iterator[str]:
    """The file, and what the process is called there or else its line."""
    tree = source.tree()
    safe = {
        id(argument)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "guarded"
        for argument in node.args
    }
    named = {
        id(node.value): target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name)
    }
    waited = {id(node.value): node for node in ast.walk(tree) if isinstance(node, ast.Await)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in STARTING:
            outer = waited.get(id(node), node)
            if id(outer) not in safe:
                yield f"{source.name}: {named.get(id(outer), node.lineno)}"


def test_every_process_of_the_tests_and_the_benchmarks_is_guarded() -> None:
    ours = (source for source in sources(".py") if source.package in ("tests", "bench"))
    assert {found for source in ours for found in unguarded(source)} == ENDS_AT_ONCE


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("process = subprocess.Popen([])", ["new.py: process"]),
        ("with subprocess.Popen([]) as process: ...", ["new.py: 1"]),
        ("async def f(): process = await asyncio.create_subprocess_exec('a')", ["new.py: process"]),
        ("process = guarded(subprocess.Popen([]))", []),
        ("async def f(): process = guarded(await asyncio.create_subprocess_exec('a'))", []),
    ],
)
def test_one_without_is_noticed(text: str, found: list[str]) -> None:
    assert list(unguarded(Source("new.py", text))) == found
