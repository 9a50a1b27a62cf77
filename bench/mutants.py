"""Mutation testing of the decision functions: each small error that somebody could make must turn a fast test red.

`make soak ARGS="mutants"`, or with names of modules. Of each module one place at a time is changed: a comparison, a
condition, a constant, an operand, an argument, a statement that only checks, a case. Prose is left alone: texts with a
blank are for people. The mutant takes the module's place in a forked process before any test imports it.
"""

import ast
import copy
import io
import os
import signal
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

ROOT = Path(__file__).resolve().parents[1]
TESTS = "tests/domain/lifecycle"
MODULES = ("working", "confirming", "identity", "prerequisites", "completion")
SECONDS = 60
OTHER_COMPARISON: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
OTHER_OPERATOR: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip


class Mutant(Struct, frozen=True):
    line: int
    what: str
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """Every one of a module."""
    tree = ast.parse(source)
    inert = {id(each) for node in ast.walk(tree) for part in _inert(node) for each in ast.walk(part)}
    for index, node in enumerate(ast.walk(tree)):
        if id(node) in inert:
            continue
        for what, _ in enumerate(_changes(node)):
            mutated = copy.deepcopy(tree)
            twin = next(each for place, each in enumerate(ast.walk(mutated)) if place == index)
            before = ast.unparse(node)
            _changes(twin)[what].make()
            after = ast.unparse(twin)
            yield Mutant(getattr(node, "lineno", 0), _difference(before, after), ast.fix_missing_locations(mutated))


def _inert(node: ast.AST) -> list[ast.AST]:
    """Annotations and the options of a class: no decision follows from them."""
    match node:
        case ast.ClassDef():
            return [*node.keywords]
        case (
            ast.arg(annotation=ast.expr() as said)
            | ast.AnnAssign(annotation=said)
            | ast.FunctionDef(returns=ast.expr() as said)
        ):
            return [said]
        case _:
            return []


class Change(Struct):
    """Sets ``field`` of ``node``, or the item at ``place`` of the list that it is."""

    node: ast.AST
    field: str
    value: object
    place: int | None = None

    def make(self) -> None:
        if self.place is None:
            setattr(self.node, self.field, self.value)
        elif self.value is None:
            del getattr(self.node, self.field)[self.place]
        else:
            getattr(self.node, self.field)[self.place] = self.value


def _changes(node: ast.AST) -> list[Change]:
    of_its_kind = CHANGES.get(type(node))
    return of_its_kind(node) if of_its_kind else []


def _of_comparison(node: Any) -> list[Change]:
    return [Change(node, "ops", OTHER_COMPARISON[type(op)](), place) for place, op in enumerate(node.ops)]


def _of_condition(node: Any) -> list[Change]:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    return [Change(node, "op", other), *(Change(node, "values", None, place) for place in range(len(node.values)))]


def _of_negation(node: Any) -> list[Change]:
    return [Change(node, "operand", ast.UnaryOp(ast.Not(), node.operand))] if isinstance(node.op, ast.Not) else []


def _of_operation(node: Any) -> list[Change]:
    other = OTHER_OPERATOR.get(type(node.op))
    return [Change(node, "op", other())] if other else []


def _of_branch(node: Any) -> list[Change]:
    return [Change(node, "test", ast.Constant(value)) for value in (True, False)]


def _of_argument(node: Any) -> list[Change]:
    """Constants have their own."""
    return (
        [] if node.arg is None or isinstance(node.value, ast.Constant) else [Change(node, "value", ast.Constant(None))]
    )


def _of_match(node: Any) -> list[Change]:
    return [Change(node, "cases", None, place) for place in range(len(node.cases)) if len(node.cases) > 1]


def _of_guard(node: Any) -> list[Change]:
    return [Change(node, "guard", None)] if node.guard else []


def _of_return(node: Any) -> list[Change]:
    """Constants have their own."""
    return [] if isinstance(node.value, ast.Constant | None) else [Change(node, "value", ast.Constant(None))]


def _of_constant(node: ast.Constant) -> list[Change]:
    match node.value:
        case bool() as value:
            return [Change(node, "value", not value)]
        case int() as value:
            return [Change(node, "value", value + 1)]
        case str() as text if text and not any(each.isspace() for each in text):
            return [Change(node, "value", text + "X")]
        case _:
            return []


def _of_body(node: ast.AST) -> list[Change]:
    """Statements that only call or raise, and that nothing after them needs."""
    body: list[ast.stmt] = getattr(node, "body", [])
    return [
        Change(node, "body", ast.Pass(), place)
        for place, statement in enumerate(body)
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    ]


CHANGES: dict[type[ast.AST], Callable[[Any], list[Change]]] = {
    ast.Compare: _of_comparison, ast.BoolOp: _of_condition, ast.UnaryOp: _of_negation, ast.BinOp: _of_operation,
    ast.If: _of_branch, ast.IfExp: _of_branch, ast.Constant: _of_constant, ast.keyword: _of_argument,
    ast.Match: _of_match, ast.match_case: _of_guard, ast.FunctionDef: _of_body, ast.With: _of_body, ast.For: _of_body,
    ast.Return: _of_return,
}  # fmt: skip


def _difference(before: str, after: str) -> str:
    lines = zip(before.splitlines(), [*after.splitlines(), ""] * 2, strict=False)
    first = next(((one.strip(), other.strip()) for one, other in lines if one != other), (before, after))
    return f"{first[0][:90]}  ->  {first[1][:90]}"


def survives(name: str, tree: ast.Module) -> bool:
    """In a process of its own, which no mutant outlives."""
    child = os.fork()
    if child == 0:
        os._exit(_try(name, tree))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _try(name: str, tree: ast.Module) -> int:
    """Exit code: 0 when no test noticed."""
    try:
        _limit_time()
        module = types.ModuleType(name)
        module.__file__ = str(ROOT / (name.replace(".", "/") + ".py"))
        sys.modules[name] = module
        exec(compile(tree, module.__file__, "exec"), module.__dict__)  # noqa: S102  # a mutant of our own module
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            return int(pytest.main([*OPTIONS, str(ROOT / TESTS)]))
    except BaseException:  # noqa: BLE001  # a mutant that cannot even be imported is noticed
        return 1


OPTIONS = (
    "-x", "-q", "--noconftest", "-p", "no:cacheprovider", "-p", "no:asyncio", "-o", "asyncio_mode=", "--assert=plain",
    "-o", "addopts=--import-mode=importlib", f"--ignore={ROOT / TESTS / 'test_custody_machine.py'}",
)  # fmt: skip
"""As fast as they come; the machine is a campaign of its own."""


def _limit_time() -> None:
    signal.alarm(SECONDS)


def main(arguments: list[str]) -> int:
    survivors = total = 0
    for short in arguments or MODULES:
        name = f"domain.lifecycle.{short}"
        source = (ROOT / (name.replace(".", "/") + ".py")).read_text()
        if not survives(name, ast.parse(source)):
            print(f"{name}: the tests are red without any mutation")
            return 1
        found = list(mutants(source))
        alive = [each for each in found if survives(name, each.tree)]
        survivors, total = survivors + len(alive), total + len(found)
        print(f"{name}: {len(found)} mutants, {len(alive)} survive", flush=True)
        for each in alive:
            print(f"  line {each.line}: {each.what}", flush=True)
    print(f"{total} mutants, {total - survivors} killed ({100 * (total - survivors) / total:.1f} %)")
    return 0 if total and survivors / total <= 0.05 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
