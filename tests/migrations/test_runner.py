"""The runner against a real database, alone, in company, and killed."""

import asyncio
import hashlib
import os
import signal
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from migrations.errors import (
    ChecksumChanged,
    DuplicateNumber,
    MigrationBusy,
    MigrationError,
    MigrationFailed,
    OutOfOrder,
    SchemaNewer,
)
from migrations.ledger import check_schema
from migrations.roles import with_role
from migrations.runner import LOCK, Applied, migrate
from tests.migrations.folder import FOUNDATION, Folder
from tests.support.database import TestDatabase, session
from tests.support.guarded import guarded

LEDGER = "SELECT number, name, phase, checksum, duration_ms FROM app.schema_migration ORDER BY number"
SLEEPING = """
    SELECT count(*)
      FROM pg_stat_activity
     WHERE datname = current_database() AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()
"""

CHECKOUT = Path(__file__).resolve().parents[2]
RUNNER = """
import asyncio, signal, sys
from pathlib import Path
from migrations.runner import migrate
# What a shell runs in the background ignores Ctrl-C, and so would this.
signal.signal(signal.SIGINT, signal.default_int_handler)
asyncio.run(migrate(sys.argv[1], directory=Path(sys.argv[2])))
"""


async def tables(database: TestDatabase) -> set[str]:
    async with session(database.admin_url) as connection:
        rows = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('app') AND relkind = 'r'"
        )
    return {row["relname"] for row in rows}


async def applied_numbers(database: TestDatabase) -> list[int]:
    async with session(database.admin_url) as connection:
        return [row["number"] for row in await connection.fetch(LEDGER)]


def names(applied: list[Applied]) -> list[str]:
    return [each.file_name for each in applied]


async def test_each_file_is_applied_once_and_recorded(empty_database: TestDatabase, folder: Folder) -> None:
    folder.found().write({"0002_more.post.sql": "CREATE TABLE app.more ();"})
    assert names(await migrate(empty_database.migrator_url, directory=folder.path)) == [
        FOUNDATION,
        "0002_more.post.sql",
    ]
    assert await migrate(empty_database.migrator_url, directory=folder.path) == []
    async with session(empty_database.admin_url) as connection:
        _, row = await connection.fetch(LEDGER)
    sha = hashlib.sha256(b"CREATE TABLE app.more ();").hexdigest()
    assert tuple(row)[:4] == (2, "more", "post", sha)
    assert row["duration_ms"] < 10_000


async def test_what_it_makes_belongs_to_the_owner_and_not_to_the_migrator(
    empty_database: TestDatabase, folder: Folder
) -> None:
    await migrate(empty_database.migrator_url, directory=folder.found().path)
    async with session(empty_database.admin_url) as connection:
        owners = await connection.fetch(
            "SELECT DISTINCT relowner::regrole::text AS owner FROM pg_class WHERE relnamespace = 'app'::regnamespace"
        )
    assert [row["owner"] for row in owners] == ["loopctl_owner"]


async def test_an_unqualified_name_goes_nowhere(empty_database: TestDatabase, folder: Folder) -> None:
    folder.found().write({"0002_bare.pre.sql": "CREATE TABLE bare ();"})
    with pytest.raises(MigrationFailed, match=r"0002_bare.pre.sql failed"):
        await migrate(empty_database.migrator_url, directory=folder.path)


async def test_the_phases_of_a_deployment(empty_database: TestDatabase, folder: Folder) -> None:
    folder.found().write({"0002_new.pre.sql": "CREATE TABLE app.new ();", "0003_gone.post.sql": "DROP TABLE app.new;"})
    url = empty_database.migrator_url
    assert names(await migrate(url, phase="pre", directory=folder.path)) == [FOUNDATION, "0002_new.pre.sql"]
    async with session(empty_database.app_url) as connection:
        between = await check_schema(connection, directory=folder.path)
    assert (between.state, between.serves) == ("behind", True)
    assert names(await migrate(url, phase="post", directory=folder.path)) == ["0003_gone.post.sql"]


async def test_a_failing_file_leaves_nothing_of_itself_and_is_named(
    empty_database: TestDatabase, folder: Folder
) -> None:
    folder.found().write(
        {
            "0002_good.pre.sql": "CREATE TABLE app.good ();",
            "0003_bad.pre.sql": "CREATE TABLE app.half ();\n\nSELECT 1 / 0;\n",
            "0004_after.pre.sql": "CREATE TABLE app.after ();",
        }
    )
    with pytest.raises(MigrationFailed) as failure:
        await migrate(empty_database.migrator_url, directory=folder.path)
    assert str(failure.value) == "0003_bad.pre.sql failed: division by zero (22012)."
    assert await tables(empty_database) >= {"good"}
    assert await tables(empty_database) & {"half", "after"} == set()
    assert await applied_numbers(empty_database) == [1, 2]
    folder.write({"0003_bad.pre.sql": "CREATE TABLE app.half ();"})
    assert names(await migrate(empty_database.migrator_url, directory=folder.path)) == [
        "0003_bad.pre.sql",
        "0004_after.pre.sql",
    ]


async def test_a_syntax_error_is_named_with_its_line(empty_database: TestDatabase, folder: Folder) -> None:
    folder.found().write({"0002_typo.pre.sql": "SELECT 1;\n-- a comment\nCREATE TABEL app.x ();\n"})
    with pytest.raises(
        MigrationFailed, match=r'0002_typo.pre.sql failed in line 3: syntax error at or near "TABEL" \(42601\)'
    ):
        await migrate(empty_database.migrator_url, directory=folder.path)


async def test_a_file_that_ends_its_transaction_is_refused(empty_database: TestDatabase, folder: Folder) -> None:
    folder.found().write({"0002_ends.pre.sql": "CREATE TABLE app.ends (); COMMIT;"})
    with pytest.raises(MigrationFailed, match=r"0002_ends.pre.sql ends the transaction"):
        await migrate(empty_database.migrator_url, directory=folder.path)


async def test_a_file_may_ask_to_run_without_a_transaction(empty_database: TestDatabase, folder: Folder) -> None:
    folder.found().write(
        {
            "0002_indexed.pre.sql": "CREATE TABLE app.indexed (id uuid);",
            "0003_index.pre.sql": "-- no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS app.by_id;\n"
            "-- next statement\nCREATE INDEX CONCURRENTLY by_id ON app.indexed (id);\n",
        }
    )
    await migrate(empty_database.migrator_url, directory=folder.path)
    assert await applied_numbers(empty_database) == [1, 2, 3]


async def test_without_the_marker_that_fails(empty_database: TestDatabase, folder: Folder) -> None:
    """The negative control: the same statement inside a transaction."""
    folder.found().write({"0002_index.pre.sql": "CREATE INDEX CONCURRENTLY by_id ON app.key_check (kid);"})
    with pytest.raises(MigrationFailed, match=r"cannot (run|be executed) "):
        await migrate(empty_database.migrator_url, directory=folder.path)


async def test_a_failed_file_without_a_transaction_is_not_recorded(
    empty_database: TestDatabase, folder: Folder
) -> None:
    """And leaves what it had done: the control for every test that finds nothing left."""
    folder.found().write(
        {"0002_loose.pre.sql": "-- no-transaction\nCREATE TABLE app.loose ()\n-- next statement\nSELECT 1 / 0"}
    )
    with pytest.raises(MigrationFailed, match="0002_loose"):
        await migrate(empty_database.migrator_url, directory=folder.path)
    assert "loose" in await tables(empty_database)
    assert await applied_numbers(empty_database) == [1]


async def test_four_runners_at_once_apply_each_file_once(empty_database: TestDatabase, folder: Folder) -> None:
    folder.found().write({f"{number:04}_t.pre.sql": f"CREATE TABLE app.t{number} ();" for number in range(2, 8)})
    outcomes = await asyncio.gather(*(migrate(empty_database.migrator_url, directory=folder.path) for _ in range(4)))
    assert sorted(map(len, outcomes)) == [0, 0, 0, 7]
    assert await applied_numbers(empty_database) == list(range(1, 8))


async def test_a_runner_waits_for_the_other_and_not_for_ever(empty_database: TestDatabase, folder: Folder) -> None:
    folder.found()
    async with session(empty_database.migrator_url) as connection:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        with pytest.raises(MigrationBusy):
            await migrate(empty_database.migrator_url, directory=folder.path, wait_seconds=0.2)
    assert len(await migrate(empty_database.migrator_url, directory=folder.path, wait_seconds=5)) == 1


async def test_what_the_ledger_and_the_folder_disagree_on_is_refused(
    empty_database: TestDatabase, folder: Folder
) -> None:
    url = empty_database.migrator_url
    folder.found().write({"0003_three.pre.sql": "SELECT 3"})
    await migrate(url, directory=folder.path)
    folder.write({"0003_three.pre.sql": "SELECT 4"})
    with pytest.raises(ChecksumChanged):
        await migrate(url, directory=folder.path)
    folder.write({"0003_three.pre.sql": "SELECT 3", "0002_late.pre.sql": "SELECT 2"})
    with pytest.raises(OutOfOrder):
        await migrate(url, directory=folder.path)
    folder.without("0002_late.pre.sql").write({"0003_other.pre.sql": ""})
    with pytest.raises(DuplicateNumber):
        await migrate(url, directory=folder.path)
    folder.without("0003_other.pre.sql").without("0003_three.pre.sql")
    with pytest.raises(SchemaNewer):
        await migrate(url, directory=folder.path)
    async with session(empty_database.app_url) as connection:
        assert (await check_schema(connection, directory=folder.path)).state == "newer"


async def test_the_application_learns_the_state_of_any_database(
    database: TestDatabase, empty_database: TestDatabase
) -> None:
    async with session(database.worker_url) as connection:
        assert (await check_schema(connection)).state == "current"
    async with session(empty_database.app_url) as connection:
        found = await check_schema(connection)
    assert (found.state, found.serves) == ("behind", False)
    assert FOUNDATION in found.sentence


async def test_the_ledger_itself_is_append_only(database: TestDatabase) -> None:
    async with session(database.admin_url) as connection:
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
            await connection.execute("DELETE FROM app.schema_migration")


async def half_done(database: TestDatabase, folder: Folder) -> asyncio.subprocess.Process:
    """A runner in a process of its own, in the middle of a file."""
    folder.found().write({"0002_half.pre.sql": "CREATE TABLE app.half (); SELECT pg_sleep(60);"})
    runner = guarded(
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            RUNNER,
            database.migrator_url,
            str(folder.path),
            cwd=CHECKOUT,
            stderr=asyncio.subprocess.PIPE,
        )
    )
    async with session(database.admin_url) as connection, asyncio.timeout(20):
        while not await connection.fetchval(SLEEPING):
            await asyncio.sleep(0.02)
    return runner


async def test_a_runner_killed_in_the_middle_leaves_nothing_and_keeps_nobody_out(
    empty_database: TestDatabase, folder: Folder
) -> None:
    runner = await half_done(empty_database, folder)
    runner.kill()
    await runner.communicate()
    assert "half" not in await tables(empty_database)
    folder.write({"0002_half.pre.sql": "CREATE TABLE app.half ();"})
    began = time.monotonic()
    assert len(await migrate(empty_database.migrator_url, directory=folder.path)) == 1
    assert time.monotonic() - began < 30, "the server noticed only when the statement was over"
    assert await applied_numbers(empty_database) == [1, 2]


async def test_a_server_that_goes_away_in_the_middle_leaves_nothing(
    empty_database: TestDatabase, folder: Folder
) -> None:
    runner = await half_done(empty_database, folder)
    async with session(empty_database.admin_url) as connection:
        await connection.execute(SLEEPING.replace("count(*)", "pg_terminate_backend(pid)"))
    _, said = await runner.communicate()
    assert b"MigrationFailed: 0002_half.pre.sql failed" in said
    assert "half" not in await tables(empty_database)
    assert await applied_numbers(empty_database) == [1]


async def test_an_interrupted_runner_leaves_nothing(empty_database: TestDatabase, folder: Folder) -> None:
    runner = await half_done(empty_database, folder)
    os.kill(runner.pid, signal.SIGINT)
    await runner.communicate()
    assert runner.returncode != 0
    assert "half" not in await tables(empty_database)


async def test_an_address_that_leads_nowhere_is_one_sentence() -> None:
    with pytest.raises(MigrationError, match=r"^Cannot connect to the database: [^\n]+\.$"):
        await migrate("postgresql://nobody:x@127.0.0.1:1/none")


async def test_a_wrong_password_is_one_sentence_without_it(empty_database: TestDatabase) -> None:
    url = with_role(empty_database.admin_url, "loopctl_migrator", "hunter2")
    with pytest.raises(MigrationError, match="password authentication failed") as failure:
        await migrate(url)
    assert "hunter2" not in str(failure.value)


async def test_a_role_that_may_not_is_one_sentence(empty_database: TestDatabase, folder: Folder) -> None:
    with pytest.raises(MigrationError, match=r'permission denied to set role "loopctl_owner"'):
        await migrate(empty_database.app_url, directory=folder.found().path)
