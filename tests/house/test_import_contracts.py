"""Who may import whom is in pyproject.toml; here every contract is kept, and each is seen to break."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.house.tree import CHECKOUT, Source, names, project, sources

SETTINGS = project()["tool"]["importlinter"]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs import-linter on the packages in ``folder`` with the contracts of its pyproject.toml."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--config", "pyproject.toml"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def forbidden_import(contract: dict[str, object]) -> tuple[str, str]:
    """An importing package and a module that it must not import under this contract."""
    match contract:
        case {"type": "forbidden", "source_modules": [importer, *_], "forbidden_modules": [*_, imported]}:
            return str(importer), str(imported)
        case {"type": "layers", "layers": [top, *_, lowest]}:
            return str(lowest), str(top)
        case _:
            raise AssertionError(f"no control is known for a contract like {contract}")


def test_every_import_contract_is_kept() -> None:
    """Goes red as the control below does: add one forbidden import to any package."""
    found = lint_imports(CHECKOUT)
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_noun_is_among_those_that_the_shell_may_not_know() -> None:
    """Went red when api.queues was taken out of the contract."""
    (shell,) = (each for each in SETTINGS["contracts"] if each.get("source_modules") == ["api.http"])
    nouns = {f"api.{name.split('/')[1]}" for name in names() if name.startswith("api/") and name.count("/") > 1}
    assert nouns - {"api.http"} - set(shell["forbidden_modules"]) == set()


@pytest.mark.parametrize("contract", SETTINGS["contracts"], ids=lambda contract: contract["name"])
def test_a_forbidden_import_breaks_its_contract(contract: dict[str, object], tmp_path: Path) -> None:
    """The control: a copy of the packages with one import that this very contract forbids."""
    for package in SETTINGS["root_packages"]:
        shutil.copytree(CHECKOUT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    importer, imported = forbidden_import(contract)
    (tmp_path / importer.replace(".", "/") / "made_up.py").write_text(f"import {imported}\n")
    found = lint_imports(tmp_path)
    assert found.returncode != 0
    assert f"{contract['name']} BROKEN" in found.stdout


DOORS = ("tests/support/dcb.py", "bench/recorder.py", "loopctl/eventsourcing/", "tests/loopctl/eventsourcing/")
"""Of the package eventsourcing, whose next minor version renames what we use of it: its vocabulary for the tests, its
stock recorder for the comparison, which needs a driver of its own, and what the extra of that name is for."""


def past_the_door(found: Iterable[Source]) -> list[str]:
    return [
        source.name
        for source in found
        if not source.name.startswith(DOORS) and "eventsourcing" in source.text
        for node in ast.walk(source.tree())
        for module in imported_modules(node)
        if module.partition(".")[0] == "eventsourcing"
    ]


def imported_modules(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module)):
            return [module]
        case _:
            return []


def test_eventsourcing_is_imported_through_few_doors() -> None:
    assert past_the_door(sources(".py")) == []


@pytest.mark.parametrize(
    "statement", ["from eventsourcing.dcb import api", "import eventsourcing", "import os, eventsourcing.popo"]
)
@pytest.mark.parametrize("name", ["bench/made_up.py", "loopctl/audit/made_up.py", "tests/api/made_up.py"])
def test_an_import_past_the_doors_is_found(name: str, statement: str) -> None:
    """The control."""
    text = f"def f():\n    {statement}\n"
    assert past_the_door([Source(name, text), *(Source(door, text) for door in DOORS)]) == [name]


def test_our_own_package_of_that_name_is_another_one() -> None:
    assert past_the_door([Source("tests/api/made_up.py", "from loopctl.eventsourcing import LogEvent\n")]) == []


OUTWARD = {"http.client", "urllib.request", "asyncio.open_connection", "socket.create_connection"}
CALLS = {"open_connection", "create_connection", "sock_connect"}
LISTENERS_AND_STORES = {
    "api/http/rate_limits/counts.py",
    "supervisor/health.py",
}
"""Redis, and the service's own address: neither is chosen by anybody but the operator."""
SERVER = {"api", "config", "domain", "eventstore", "migrations", "operations", "projections", "supervisor", "workers"}


def ways_out(found: Iterable[Source]) -> list[str]:
    """Of the server's modules, those that connect by what the import contract cannot name."""
    return sorted(
        {
            source.name
            for source in found
            if source.name.partition("/")[0] in SERVER and source.name not in LISTENERS_AND_STORES
            for node in ast.walk(source.tree())
            if OUTWARD & {*imported_modules(node), *imported_names(node)}
            or (isinstance(node, ast.Attribute) and node.attr in CALLS)
        }
    )


def imported_names(node: ast.AST) -> list[str]:
    match node:
        case ast.ImportFrom(module=str(module), names=names):
            return [f"{module}.{alias.name}" for alias in names]
        case _:
            return []


def test_nothing_of_the_server_connects_past_egress() -> None:
    """Went red when LISTENERS_AND_STORES was empty."""
    assert ways_out(sources(".py")) == []


@pytest.mark.parametrize(
    "statement",
    ["import http.client", "from http import client", "import urllib.request", "asyncio.open_connection(a, 1)",
     "loop.create_connection(a, b, 1)", "from asyncio import open_connection"],
)  # fmt: skip
def test_a_way_past_egress_is_found(statement: str) -> None:
    """The control."""
    text = f"def f():\n    {statement}\n"
    assert ways_out([Source("workers/made_up.py", text), Source("egress/made_up.py", text)]) == ["workers/made_up.py"]
