"""Rules that ruff enforces, seen to be on: each forbidden line is shown to it as if it stood in every package."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import CHECKOUT, server_packages, sources

RIM = {"api", "workers", "operations", "supervisor"}
"""Where the clock is read and ids are made."""

EVERYWHERE = [*server_packages(), "loopctl"]
INSIDE = [package for package in EVERYWHERE if package not in RIM]

MAY_FORMAT = (
    "migrations/",
    "projections/digests.py",
    "projections/facts/usage.py",
    "projections/queries/costs.py",
    "projections/rebuild.py",
    "projections/rows/metered_usage.py",
    "projections/rows/row_statements.py",
    "projections/rows/token_budgets.py",
    "projections/rows/token_usage.py",
    "workers/leased_rows.py",
    "tests/",
    "bench/",
)
"""Where the names of our own tables, columns, roles and databases, or whole constants of ours, are put into statements
that take no such parameters."""

FORMATTED_SQL = (
    "def find(name: str) -> str:\n    return f\"SELECT id FROM story WHERE name = '{name}'\"\n",
    'def find(name: str) -> str:\n    return "SELECT id FROM story WHERE name = \'" + name + "\'"\n',
    "def find(name: str) -> str:\n    return \"DELETE FROM story WHERE name = '%s'\" % name\n",
    'def find(name: str) -> str:\n    return "SELECT id FROM {}".format(name)\n',
)


def rules_broken(text: str, place: str) -> set[str]:
    """The codes that ruff reports for ``text`` as a file at ``place``, suppressions ignored."""
    command = [str(Path(sys.executable).with_name("ruff")), "check", "--no-cache", "--ignore-noqa"]
    command += ["--output-format", "concise", "--stdin-filename", place, "-"]
    done = subprocess.run(command, cwd=CHECKOUT, input=text, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode in (0, 1), done.stderr
    return {line.split()[1] for line in done.stdout.splitlines() if line.startswith(place)}


@pytest.mark.parametrize("package", EVERYWHERE)
@pytest.mark.parametrize("text", FORMATTED_SQL)
def test_sql_is_never_put_together_from_parts(text: str, package: str) -> None:
    """Goes red when S608 is ignored in pyproject.toml, for everything or for one package."""
    assert "S608" in rules_broken(text, f"{package}/made_up.py")


def test_a_constant_statement_breaks_no_sql_rule() -> None:
    assert (
        rules_broken('"""Stories."""\n\nBY_ID = "SELECT name FROM story WHERE id = $1"\n', "domain/made_up.py") == set()
    )


def test_formatted_sql_is_excused_only_where_roles_and_schemas_are_made() -> None:
    """Went red when such an excuse was added to a line of config/loader.py."""
    excused = {source.name for source in sources(".py") if "S" + "608" in source.text}
    assert {name for name in excused if not name.startswith(MAY_FORMAT)} == set()


@pytest.mark.parametrize("package", EVERYWHERE)
def test_a_time_without_zone_is_refused_everywhere(package: str) -> None:
    """Goes red when the DTZ rules are taken out of pyproject.toml."""
    assert "DTZ005" in rules_broken("import datetime\n\nnow = datetime.datetime.now()\n", f"{package}/made_up.py")


@pytest.mark.parametrize("package", INSIDE)
@pytest.mark.parametrize(
    "text",
    [
        "import datetime\n\nnow = datetime.datetime.now(datetime.UTC)\n",
        "from datetime import UTC, datetime\n\nnow = datetime.now(UTC)\n",
        "import uuid\n\nmade = uuid.uuid4()\n",
        "from uuid import uuid4\n\nmade = uuid4()\n",
    ],
)
def test_the_clock_and_new_ids_are_banned_inside_the_rim(text: str, package: str) -> None:
    """Goes red when a package joins the per-file ignores of TID251."""
    assert "TID251" in rules_broken(text, f"{package}/made_up.py")


@pytest.mark.parametrize("package", sorted(RIM))
def test_the_rim_may_read_the_clock(package: str) -> None:
    """The control of the ban: it is lifted exactly there."""
    text = "import datetime\n\nnow = datetime.datetime.now(datetime.UTC)\n"
    assert "TID251" not in rules_broken(text, f"{package}/made_up.py")


@pytest.mark.parametrize("package", EVERYWHERE)
def test_complexity_and_shape_are_checked_everywhere(package: str) -> None:
    """Goes red when C901 or PLR0915 is ignored for a package."""
    branches = "".join(f"    if number == {each}:\n        number += {each}\n" for each in range(60))
    broken = rules_broken(f"def count(number: int) -> int:\n{branches}    return number\n", f"{package}/made_up.py")
    assert {"C901", "PLR0912", "PLR0915"} <= broken
