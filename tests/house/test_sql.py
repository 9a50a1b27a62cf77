"""Every statement of the server is understood by the migrated schema, and only the event store writes to the log."""

import re

import pytest

from projections.inline import ENTITIES
from tests.house.statements import derived_statements, lease_statements, log_writes, statements, unprepared
from tests.house.tree import Source, server_packages, sources
from tests.support.database import TestDatabase, session
from workers.scheduled_run import RUNS

RUN_BY_EVERY_DATABASE = re.compile(r"migrations/(.*\.sql|roles\.py: \w+)")
"""Files of several statements, and templates: too much for a prepared statement, and every test database runs them."""


async def test_every_statement_prepares_against_the_migrated_schema(database: TestDatabase) -> None:
    """Went red when a column in workers/jobs/purge_scheduled_runs.py was renamed, and when `Agent` had a field that
    app.agent has no column for."""
    ours = (source for source in sources(".py", ".sql") if source.package in server_packages())
    found = [(place, text) for place, text in statements(ours) if not RUN_BY_EVERY_DATABASE.fullmatch(place)]
    found += [*derived_statements(ENTITIES), *lease_statements(RUNS)]
    assert {place for place, _ in found} >= {
        "projections/moves.py: COMMIT",
        "projections/look_up.py: LOOK_UP",
        "app.agent: select",
    }
    # As the role that runs most of them, with its search path; rights are only looked at when a statement runs.
    async with session(database.app_url) as connection:
        assert await unprepared(connection, found) == []
        made_up = [("made_up.py: BY_ID", "SELECT no_such_column FROM app.no_such_table WHERE id = $1")]
        assert len(await unprepared(connection, made_up)) == 1


def test_statements_are_found_wherever_they_stand() -> None:
    module = 'BY_ID = """\n    SELECT 1\n"""\nTITLE = "Stories"\nquiet = "SELECT 2"\n'
    text = module + 'class Reader:\n    NEXT: str = "SELECT 3"\n'
    found = list(statements([Source("api/made_up.py", text), Source("api/long.sql", "SELECT 4")]))
    assert [place for place, _ in found] == ["api/made_up.py: BY_ID", "api/made_up.py: NEXT", "api/long.sql"]


def test_every_derived_statement_names_the_tenant_at_each_level() -> None:
    """Went red when `t.tenant_id = $1` was taken out of `select_rows`."""
    for place, text in derived_statements(ENTITIES):
        levels = text.count("WHERE") + text.count("INSERT")
        assert text.count("tenant_id = $1") + text.count("SELECT $1::uuid") == levels, place


def test_only_the_event_store_writes_to_the_log() -> None:
    """Went red when `INSERT INTO app.log_entry` was put into a constant under workers/."""
    assert [line for source in sources(".py", ".sql") for line in log_writes(source)] == []


@pytest.mark.parametrize(
    "statement", ["INSERT INTO app.log_entry VALUES ($1)", "insert into\n  events (id)", "DELETE FROM app.log_head"]
)
def test_a_write_to_the_log_from_elsewhere_is_found(statement: str) -> None:
    assert len(log_writes(Source("workers/made_up.py", f'"""{statement}"""'))) == 1
    assert log_writes(Source("eventstore/made_up.py", f'"""{statement}"""')) == []
