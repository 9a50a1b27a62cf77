"""Who may import whom is in pyproject.toml; here every contract is kept, and each is seen to break."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.house.tree import CHECKOUT, Source, project, sources

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


DOORS = ("tests/support/dcb.py", "bench/recorder.py")
"""Of the package eventsourcing, whose next minor version renames what we use of it: its vocabulary for the tests, and
its stock recorder for the comparison, which needs a driver of its own."""


def past_the_door(found: Iterable[Source]) -> list[str]:
    imports = (ast.Import, ast.ImportFrom)
    return [
        source.name
        for source in found
        for node in ast.walk(source.tree())
        if isinstance(node, imports) and "eventsourcing" in ast.unparse(node) and source.name not in DOORS
    ]


def test_eventsourcing_is_imported_through_one_module() -> None:
    assert past_the_door(sources(".py")) == []


def test_an_import_past_that_module_is_found() -> None:
    """The control."""
    text = "def f():\n    from eventsourcing.dcb import api\n"
    assert past_the_door([Source("bench/made_up.py", text), Source(DOORS[0], text)]) == ["bench/made_up.py"]
