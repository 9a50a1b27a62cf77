"""Mutation testing of the decision functions: each small error that somebody could make must turn a fast test red.

`make soak ARGS="mutants"`, or with names of modules. Of each module one place at a time is changed: a comparison, a
condition, a constant, an operand, an argument, a statement that only checks, a case. Prose is left alone: texts with a
blank are for people. Each mutant lives in a forked process.
"""

import ast
import copy
import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
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
    """Annotations, the options and fields of a class, docstrings: they have no code that could be replaced."""
    match node:
        case ast.ClassDef():
            return [*node.keywords, *(each for each in node.body if isinstance(each, ast.AnnAssign))]
        case ast.Expr(value=ast.Constant()):
            return [node.value]
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


class Hunt:
    """A plugin: the tests are collected once, and run for each mutant in a fork of that process."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = modules
        self.total = self.survivors = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for short in self._modules:
            module = importlib.import_module(f"domain.lifecycle.{short}")
            source = Path(str(module.__file__)).read_text()
            if not survives(session, module, ast.parse(source)):
                raise RuntimeError("the tests are red without any mutation")
            found = list(mutants(source))
            alive = [each for each in found if survives(session, module, each.tree)]
            self.survivors, self.total = self.survivors + len(alive), self.total + len(found)
            told = "".join(f"\n  line {each.line}: {each.what}" for each in alive)
            print(f"{module.__name__}: {len(found)} mutants, {len(alive)} survive{told}", file=sys.stderr, flush=True)
        return True


def survives(session: pytest.Session, module: ModuleType, tree: ast.Module) -> bool:
    """In a process of its own, which no mutant outlives."""
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        os._exit(_try(session, module, tree))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _try(session: pytest.Session, module: ModuleType, tree: ast.Module) -> int:
    """Exit code: 0 when no test noticed."""
    try:
        _replace(module, tree)
        failed = (report.failed for item in session.items for report in runtestprotocol(item, log=False))
        return int(any(failed))
    except BaseException:  # noqa: BLE001  # a mutant that cannot even be imported is noticed
        return 1


def _replace(module: ModuleType, tree: ast.Module) -> None:
    """The mutant's code in the functions that everybody has imported, its values in the module's constants."""
    twin = ModuleType(module.__name__)
    sys.modules[module.__name__] = twin
    exec(compile(tree, str(module.__file__), "exec"), twin.__dict__)  # noqa: S102  # a mutant of our own module
    for name, made in vars(twin).items():
        known = getattr(module, name, None)
        if isinstance(made, FunctionType) and made.__module__ == module.__name__:
            _replace_code(known, made)
        elif isinstance(made, type) and made.__module__ == module.__name__:
            _replace_methods(known, made)
        elif isinstance(made, int | timedelta):
            setattr(module, name, made)


def _replace_methods(known: Any, made: type) -> None:
    """Properties and methods."""
    for name, member in vars(made).items():
        if isinstance(member, property):
            _replace_code(vars(known)[name].fget, member.fget)
        elif isinstance(member, FunctionType):
            _replace_code(vars(known)[name], member)


def _replace_code(known: Any, made: Any) -> None:
    known.__code__, known.__defaults__, known.__kwdefaults__ = made.__code__, made.__defaults__, made.__kwdefaults__


OPTIONS = ("-q", "--noconftest", "-p", "no:cacheprovider", f"--ignore={ROOT / TESTS / 'test_custody_machine.py'}")


def main(arguments: list[str]) -> int:
    hunt = Hunt(arguments or MODULES)
    pytest.main([*OPTIONS, str(ROOT / TESTS)], plugins=[hunt])
    if not hunt.total:
        return 1
    killed = hunt.total - hunt.survivors
    print(f"{hunt.total} mutants, {killed} killed ({100 * killed / hunt.total:.1f} %)")
    return 0 if killed / hunt.total >= 0.95 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
