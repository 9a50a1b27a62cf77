"""How long modules and functions are and how many parameters they take, against what is allowed."""

import ast
from collections.abc import Iterable, Iterator, Mapping

from tests.house.tree import Source

MODULE_LINES = 400
MODULE_LINES_NEVER = 500
FUNCTION_LINES = 50
PARAMETERS = 5


def offenders(files: Iterable[Source]) -> dict[str, int]:
    """Everything over a limit with its size, by a key that says what it is and where."""
    found: dict[str, int] = {}
    for source in files:
        found.update(_over(MODULE_LINES, {f"module {source.name}": len(source.text.splitlines())}))
        for name, function in _functions(source.tree()):
            place = f"{source.name}:{name}"
            found.update(_over(FUNCTION_LINES, {f"function {place}": _lines(function)}))
            if source.package != "tests":  # a test's parameters are its fixtures
                found.update(_over(PARAMETERS, {f"parameters {place}": _parameters(function)}))
    return found


def complaints(found: Mapping[str, int], known: Mapping[str, int]) -> list[str]:
    """What the ratchet does not let through: new, grown, never allowed, or listed without need."""
    said = []
    for key, size in sorted(found.items()):
        if key.startswith("module ") and size > MODULE_LINES_NEVER:
            said.append(f"{key} has {size} lines: over {MODULE_LINES_NEVER} is never allowed, split it")
        elif key not in known:
            said.append(f"{key} is new with {size}: split it")
        elif size > known[key]:
            said.append(f"{key} grew from {known[key]} to {size}: split it")
    said += [f"{key} is within the limit or gone: remove it from sizes.json" for key in sorted(known.keys() - found)]
    return said


def _over(limit: int, sizes: dict[str, int]) -> dict[str, int]:
    return {key: size for key, size in sizes.items() if size > limit}


def _functions(node: ast.AST, outer: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        name = outer
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{outer}.{child.name}".lstrip(".")
            if not isinstance(child, ast.ClassDef):
                yield name, child
        yield from _functions(child, name)


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = function.args
    taken = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len([each for each in taken if each.arg not in ("self", "cls")])
