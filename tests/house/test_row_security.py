"""Every tenant's rows are behind row security: asked of the migrated schema, here and by the catalog's own rules."""

from eventstore.catalog.check import Violation, check_catalog
from tests.support.database import TestDatabase, session

UNSECURED_TENANT_TABLES = """
    SELECT c.oid::regclass::text
      FROM pg_class AS c
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
     WHERE c.relkind IN ('r', 'p')
       AND NOT (c.relrowsecurity AND EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid))
     ORDER BY 1
     LIMIT 100
"""
FORGOTTEN = "CREATE TABLE app.forgotten (tenant_id uuid, id uuid, PRIMARY KEY (tenant_id, id))"


async def unsecured_tables(database: TestDatabase) -> list[str]:
    async with session(database.admin_url) as connection:
        return [str(row[0]) for row in await connection.fetch(UNSECURED_TENANT_TABLES)]


async def violations(database: TestDatabase) -> list[Violation]:
    """As the API asks at its start: as its own role."""
    async with session(database.app_url) as connection, connection.transaction():
        return await check_catalog(connection)


async def test_every_tenant_table_has_row_security(database: TestDatabase) -> None:
    """Goes red as the control below does, with such a table in a migration."""
    assert await unsecured_tables(database) == []


async def test_the_migrated_schema_breaks_no_rule_of_the_catalog(database: TestDatabase) -> None:
    """Goes red as the control below does; tests/eventstore/catalog/test_catalog.py breaks each rule by itself."""
    assert [str(violation) for violation in await violations(database)] == []


async def test_a_tenant_table_without_a_policy_is_found(database: TestDatabase) -> None:
    """The control, in a database of its own."""
    async with session(database.admin_url) as connection:
        await connection.execute(FORGOTTEN)
    assert await unsecured_tables(database) == ["app.forgotten"]
    assert "app.forgotten" in {violation.object for violation in await violations(database)}
