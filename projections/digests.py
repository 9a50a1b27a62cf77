"""Digests of read models: of each table, of the columns that are said, in the order of its key (docs/custody.md).

The bytes of a row are those of a JSON list of its values, as PostgreSQL writes it: times in UTC, numbers without zeros
at their end, so that they depend on the values alone.
"""

from collections.abc import Sequence
from hashlib import sha256

from msgspec import Struct

from domain.state_digest import TableDigest
from eventstore.database.transaction import TenantTx

# Of the key, whatever follows the tenant; a table that has one row for each tenant has nothing there.
COLUMNS = """
    SELECT asked.name AS table_name, a.attname AS name, format_type(a.atttypid, NULL) AS type,
           a.attnum = i.indkey[i.indnkeyatts - 1] AS is_key
      FROM unnest($1::text[]) AS asked (name)
      JOIN pg_attribute AS a ON a.attrelid = asked.name::regclass AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_index AS i ON i.indrelid = a.attrelid AND i.indisprimary
     ORDER BY asked.name, a.attname
"""

AS_VALUE = {"timestamp with time zone": "{} AT TIME ZONE 'UTC'", "numeric": "trim_scale({})"}
"""Expressions whose text depends on nothing but the value, where the column's own does not."""

PAGE_ROWS = 10_000
"""A statement of some tens of milliseconds: nobody else waits for a long one."""


class DigestedTable(Struct, frozen=True):
    """``types`` of all its columns by name. ``key`` is the column that finds a row of a tenant."""

    name: str
    key: str
    types: dict[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.types)


async def digested_tables(tx: TenantTx, names: Sequence[str]) -> list[DigestedTable]:
    """As the schema has them now, in the order of ``names``."""
    rows = await tx.fetch(COLUMNS, names)
    return [
        DigestedTable(
            name,
            next(row["name"] for row in rows if row["table_name"] == name and row["is_key"]),
            {row["name"]: row["type"] for row in rows if row["table_name"] == name},
        )
        for name in names
    ]


async def digest_table(tx: TenantTx, table: DigestedTable, columns: Sequence[str]) -> TableDigest:
    """As the transaction sees it. ``columns`` are some of the table's own."""
    digest, rows, last = sha256(), 0, None
    while True:
        after = () if last is None else (last,)
        page = await tx.fetchrow(page_statement(table, columns, bool(after)), tx.tenant_id, PAGE_ROWS, *after)
        if page is None or not page["rows"]:
            break
        digest.update(page["hashes"])
        rows, last = rows + page["rows"], page["last"]
        if page["rows"] < PAGE_ROWS:
            break
    return TableDigest(table=table.name, columns=tuple(columns), rows=rows, digest=digest.hexdigest())


def page_statement(table: DigestedTable, columns: Sequence[str], after: bool) -> str:
    """Takes tenant, most rows, and the key of the last row of the page before."""
    values = ", ".join(AS_VALUE.get(table.types[name], "{}").format(f't."{name}"') for name in columns)
    beyond = f" AND t.{table.key} > $3" if after else ""
    return f"""
    SELECT count(*) AS rows, string_agg(r.hash, ''::bytea ORDER BY r.key) AS hashes,
           (array_agg(r.key ORDER BY r.key DESC))[1] AS last
      FROM (SELECT t.{table.key} AS key, sha256(convert_to(json_build_array({values})::text, 'UTF8')) AS hash
              FROM {table.name} AS t
             WHERE t.tenant_id = $1{beyond}
             ORDER BY t.{table.key}
             LIMIT $2) AS r
"""  # noqa: S608  # names of our own
