"""deploy/bin/migrate: what `docker compose exec -T app /app/bin/migrate` and the services that migrate run."""

import os
import subprocess
import sys
from pathlib import Path

import asyncpg

from tests.support.database import PASSWORDS, TestDatabase

CHECKOUT = Path(__file__).parents[2]
ROLES = ("migrator", "app", "worker", "audit", "backup")
A_LATER_MIGRATION = """
    INSERT INTO app.schema_migration (number, name, phase, checksum, duration_ms)
    VALUES (9999, 'of_a_later_version', 'post', repeat('0', 64), 1)
"""


def migrate(url: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOOPCTL_")}
    return subprocess.run(
        [sys.executable, str(CHECKOUT / "deploy/bin/migrate"), *arguments],
        env={**kept, "PYTHONPATH": str(CHECKOUT), "LOOPCTL_DATABASE_URL": url, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def passwords() -> dict[str, str]:
    return {f"LOOPCTL_{role.upper()}_PASSWORD": getattr(PASSWORDS, role) for role in ROLES}


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        await connection.execute(statement)
    finally:
        await connection.close(timeout=5)


def test_in_the_service_app_it_says_that_nothing_is_pending(database: TestDatabase) -> None:
    done = migrate(database.app_url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "The database is up to date.\n", "")


def test_in_the_service_app_it_names_what_is_pending_and_changes_nothing(empty_database: TestDatabase) -> None:
    for _ in range(2):
        refused = migrate(empty_database.app_url)
        assert refused.returncode == 1
        assert "0001_" in refused.stderr
        assert "docker compose run --rm migrate" in refused.stderr


def test_with_the_passwords_it_applies_everything_to_a_new_database(empty_database: TestDatabase) -> None:
    done = migrate(empty_database.admin_url, **passwords())
    assert done.returncode == 0, done.stderr
    assert "applied 0001_" in done.stdout
    assert migrate(empty_database.app_url).returncode == 0


def test_a_second_run_applies_nothing(database: TestDatabase) -> None:
    done = migrate(database.admin_url, **passwords())
    assert done.returncode == 0, done.stderr
    assert " ms\n" not in done.stdout
    assert "up to date" in done.stdout


def test_a_phase_can_be_named(database: TestDatabase) -> None:
    done = migrate(database.admin_url, "--phase", "post", **passwords())
    assert done.returncode == 0, done.stderr


async def test_a_schema_of_a_later_version_is_refused(database: TestDatabase) -> None:
    await execute(database.admin_url, A_LATER_MIGRATION)
    refused = migrate(database.app_url)
    assert refused.returncode == 1
    assert "9999" in refused.stderr


def test_without_an_address_it_says_which_variable_is_missing() -> None:
    refused = migrate("")
    assert (refused.returncode, refused.stderr) == (1, "LOOPCTL_DATABASE_URL is not set.\n")
