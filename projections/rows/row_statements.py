"""The statements that every table of an entity needs, made from its name and the fields of its Struct.

All of them take the tenant as $1 and name it at every level, whatever row security does. Each row is found by its key,
whatever the planner believes about tables that have just grown.
"""

from collections.abc import Sequence


def select_rows(table: str, identity: str, fields: Sequence[str]) -> str:
    """$2 are ids."""
    return f"""
    SELECT found.*
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT {_listed(fields, "t")}
             FROM {table} AS t
            WHERE t.tenant_id = $1 AND asked.id = t.{identity}
            LIMIT 1
     ) AS found
"""  # noqa: S608  # names of our own


def delete_rows(table: str, identity: str) -> str:
    """$2 are ids."""
    return f"""
    DELETE FROM {table}
     WHERE tenant_id = $1
       AND ctid = ANY (ARRAY(
               SELECT found.ctid
                 FROM unnest($2::uuid[]) AS asked (id)
                CROSS JOIN LATERAL (
                      SELECT t.ctid FROM {table} AS t
                       WHERE t.tenant_id = $1 AND asked.id = t.{identity}
                       LIMIT 1
                ) AS found))
"""  # noqa: S608  # names of our own


def insert_rows(table: str, fields: Sequence[str]) -> str:
    """$2 is JSON, a list of rows. What the Struct does not name has the default of its column."""
    own = [name for name in fields if name != "tenant_id"]
    return f"""
    INSERT INTO {table} (tenant_id, {", ".join(own)})
    SELECT $1::uuid, {_listed(own, "r")}
      FROM json_populate_recordset(NULL::{table}, $2::json) AS r
"""  # noqa: S608  # names of our own


def replace_rows(table: str, identity: str, fields: Sequence[str]) -> str:
    """The same for rows that may be there already. They are changed in place, so that no index has to be written where
    no indexed column changes, and a trigger sees the row before and the row after."""
    key = ", ".join(dict.fromkeys(("tenant_id", identity)))
    changes = ", ".join(f"{name} = excluded.{name}" for name in fields if name != identity)
    return f"""{insert_rows(table, fields).rstrip()}
        ON CONFLICT ({key}) DO UPDATE
       SET {changes}
"""  # noqa: S608  # names of our own


def _listed(fields: Sequence[str], of: str) -> str:
    return ", ".join(f"{of}.{name}" for name in fields)
