"""A superuser changes any column of any table of the log: the check says so, or else the next request does (R9).

The columns come from the catalogue, so that a new one is tried without being named here.
"""

from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import pytest
from msgspec import Struct

from eventstore.database.transaction import Database
from eventstore.fsck.watch import Pace, watch_log
from eventstore.heads.checkpoints import StoredHead
from eventstore.heads.log_keys import NoLogKey
from eventstore.heads.rederive import HeadRefused
from eventstore.heads.signing import ClockBehind, current_checkpoint
from eventstore.keys.encryption import DoesNotOpen
from eventstore.keys.keyring import Sealed
from eventstore.log.append import HeadMoved, NoLog
from loopctl.tlog.errors import TlogError
from tests.eventstore.fsck.logs import signed_log
from tests.eventstore.growing import KEYRING, grow
from tests.eventstore.tampering import superuser
from tests.support.database import TestDatabase, session

if TYPE_CHECKING:
    from tests.support.database import Connection

COLUMNS = """
    SELECT c.relname AS table, a.attname AS column, a.atttypid::regtype::text AS type, NOT a.attnotnull AS nullable,
           (SELECT string_agg(k.attname, ', ' ORDER BY k.attnum)
              FROM pg_index AS i JOIN pg_attribute AS k ON k.attrelid = c.oid AND k.attnum = ANY (i.indkey)
             WHERE i.indrelid = c.oid AND i.indisprimary) AS key
      FROM pg_class AS c
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = 'app'::regnamespace AND c.relkind = 'r' AND c.relname LIKE 'log\\_%'
       AND c.relname <> ALL ($1)
     ORDER BY 1, a.attnum
"""

OTHERS_WORD = ("log_cosignature",)
"""Signed by others: whoever counts on it checks it against their keys, and no verdict on the log is made of it."""

CHECKS = """
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
      FROM pg_constraint
     WHERE contype = 'c' AND conrelid::regclass::text LIKE 'app.log\\_%'
"""

OTHER_VALUE = {
    "uuid": "gen_random_uuid()",
    "bigint": "coalesce({0}, 0) + 1000000",
    "integer": "{0} + 1",
    "smallint": "{0} + 1",
    "bytea": "set_byte({0}, 0, get_byte({0}, 0) # 1)",
    "text": "CASE {0} WHEN 'log' THEN 'timestamp' ELSE {0} || 'x' END",
    "timestamp with time zone": "coalesce({0}, now()) - interval '1 day'",
}

QUIET = {
    "log_checkpoint.signed_at": "in no signature: no checkpoint has a time (05, 3.5); only its order counts",
    "log_key.created_at": "in no signature: what a key counts for is its sizes, never its times (05, 4.1)",
    "log_key.reason": "of a first key, which no entry brought; that of a rotation is compared with its entry",
}
"""Columns that say nothing on which a verdict rests, each with why nothing can contradict them."""

REFUSALS = (HeadRefused, HeadMoved, NoLog, NoLogKey, ClockBehind, DoesNotOpen, Sealed, TlogError, asyncpg.PostgresError)


AT_ONCE = Pace(whole_seconds=0, tick_seconds=0)
"""Everything is due at every look."""


class Column(Struct, frozen=True):
    table: str
    name: str
    type: str
    nullable: bool
    key: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


@pytest.fixture(scope="module")
async def columns(made: TestDatabase) -> list[Column]:
    """With the constraints dropped: whoever changes rows can do that as well."""
    async with session(made.admin_url) as connection:
        found = await connection.fetch(COLUMNS, OTHERS_WORD)
        for (statement,) in await connection.fetch(CHECKS):
            await connection.execute(statement)
    return [Column(*row) for row in found]


async def change(connection: "Connection", tenant: UUID, column: Column, value: str, *, last: bool) -> bool:
    """Whether there was a row to change: the last by its key, or the one in the middle."""
    table = f"app.{column.table}"
    place = "0" if last else f"(SELECT count(*) / 2 FROM {table} WHERE tenant_id = $1)"  # noqa: S608  # our own tables
    row = f"SELECT ctid FROM {table} WHERE tenant_id = $1 ORDER BY ({column.key}) DESC OFFSET {place} LIMIT 1"  # noqa: S608  # our own tables
    other = f"tenant_id = $1 AND {column.name} IS DISTINCT FROM {value}"
    statement = f"UPDATE {table} SET {column.name} = {value} WHERE ctid = ({row}) AND {other}"  # noqa: S608  # our own tables
    return await connection.execute(statement, tenant) == "UPDATE 1"


async def next_request(app: Database, tenant: UUID) -> StoredHead:
    """One entry more, and a head over it for whoever asks."""
    await grow(app, tenant, 1)
    async with app.tenant_transaction(tenant) as tx:
        return await current_checkpoint(tx, KEYRING)


async def watched_log(app: Database, worker: Database) -> UUID:
    """Seen once by the background check before anything happens to it."""
    tenant = await signed_log(app)
    assert (await watch_log(worker, tenant, AT_ONCE)).fault is None
    return tenant


async def raised(app: Database, worker: Database, tenant: UUID) -> bool:
    if (await watch_log(worker, tenant, AT_ONCE)).fault is not None:
        return True
    try:
        await next_request(app, tenant)
    except REFUSALS:
        return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("last", [False, True])
async def test_every_column_of_the_log_is_missed_when_it_was_changed(
    app: Database, worker: Database, made: TestDatabase, columns: list[Column], last: bool
) -> None:
    quiet = set()
    for column in columns:
        for value in [OTHER_VALUE[column.type].format(column.name), *(["NULL"] if column.nullable else [])]:
            tenant = await watched_log(app, worker)
            async with superuser(made) as connection:
                changed = await change(connection, tenant, column, value, last=last)
            assert changed or value == "NULL", f"no row of {column.table}"
            if changed and not await raised(app, worker, tenant):
                quiet.add(str(column))
    assert quiet <= set(QUIET)
    assert last or quiet == set(QUIET), "what is noticed has no place in the list"


@pytest.mark.parametrize("table", ["log_entry", "log_head", "log_tile", "log_checkpoint", "log_key"])
@pytest.mark.parametrize("all_rows", [True, False])
async def test_rows_that_are_gone_are_missed(
    app: Database, worker: Database, made: TestDatabase, table: str, all_rows: bool
) -> None:
    tenant = await watched_log(app, worker)
    one = "" if all_rows else f" AND ctid = (SELECT max(ctid) FROM app.{table} WHERE tenant_id = $1)"  # noqa: S608  # our own tables
    async with superuser(made) as connection:
        assert await connection.execute(f"DELETE FROM app.{table} WHERE tenant_id = $1{one}", tenant) != "DELETE 0"  # noqa: S608  # our own tables
    assert await raised(app, worker, tenant)


async def test_an_untouched_log_raises_nothing(app: Database, worker: Database) -> None:
    """The control of all of them."""
    tenant = await watched_log(app, worker)
    assert not await raised(app, worker, tenant)
    assert (await watch_log(worker, tenant, AT_ONCE)).fault is None
