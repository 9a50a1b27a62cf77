"""What one tenant, no tenant and the application's role can reach."""

from uuid import UUID, uuid4

import asyncpg
import pytest

from eventstore.database.transaction import Database
from tests.eventstore.projects import INSERT, add, ids
from tests.support.database import TestDatabase, connected, session

COUNT = "SELECT count(*) FROM app.sample_project WHERE tenant_id = $1"


async def test_a_tenant_sees_its_own_rows_and_no_others(server: Database, ann: UUID, bob: UUID) -> None:
    async with server.tenant_transaction(ann) as tx:
        anns = await add(tx)
    async with server.tenant_transaction(bob) as tx:
        bobs = await add(tx)
        assert await ids(tx) == {bobs}
    async with server.tenant_transaction(ann) as tx:
        assert await ids(tx) == {anns}


async def test_a_tenant_cannot_write_change_or_delete_rows_of_another(server: Database, ann: UUID, bob: UUID) -> None:
    async with server.tenant_transaction(ann) as tx:
        anns = await add(tx)
    async with server.tenant_transaction(bob) as tx:
        assert await tx.execute("UPDATE app.sample_project SET name = '' WHERE project_id = $1", anns) == "UPDATE 0"
        assert await tx.execute("DELETE FROM app.sample_project WHERE project_id = $1", anns) == "DELETE 0"
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with server.tenant_transaction(bob) as tx:
            await tx.execute(INSERT, ann, uuid4(), "planted")


async def test_without_a_tenant_there_are_no_rows(server: Database, ann: UUID) -> None:
    async with server.tenant_transaction(ann) as tx:
        await add(tx)
    async with server.system_transaction() as tx:
        assert await ids(tx) == set()
        assert await tx.fetchval("SELECT app.tid()") is None


async def test_the_connection_is_good_for_no_tenant_after_it_served_one(sample: TestDatabase, ann: UUID) -> None:
    server = await connected(sample.app_url, role="loopctl_app", max_size=1)
    async with server.tenant_transaction(ann) as tx:
        await add(tx)
    async with server.system_transaction() as tx:
        assert await tx.fetchval("SELECT current_setting('app.tenant', true)") == "", "not NULL any more"
        assert await ids(tx) == set()
    await server.close()


async def test_a_malformed_tenant_is_loud(sample: TestDatabase) -> None:
    async with session(sample.app_url) as connection, connection.transaction():
        await connection.execute("SET LOCAL app.tenant = 'nobody'")
        with pytest.raises(asyncpg.InvalidTextRepresentationError):
            await connection.fetch("SELECT FROM app.sample_project")


@pytest.mark.parametrize("tenant", [str(UUID(int=7)), "'; DROP SCHEMA app CASCADE; --", None, UUID(int=7).bytes])
async def test_only_a_uuid_is_a_tenant(server: Database, tenant: UUID) -> None:
    with pytest.raises(TypeError):
        async with server.tenant_transaction(tenant):
            pass


async def test_forced_row_security_binds_the_owner_as_well(sample: TestDatabase, ann: UUID) -> None:
    async with session(sample.migrator_url) as connection:
        await connection.execute("SET ROLE loopctl_owner")
        await connection.execute("INSERT INTO app.sample_project VALUES ($1, $2, '')", ann, uuid4())
        assert await connection.fetchval(COUNT, ann) == 1, "ENABLE alone does not"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("INSERT INTO app.sample_log VALUES ($1, 0)", ann)


async def test_a_listed_lookup_finds_the_tenant_of_a_row(server: Database, ann: UUID) -> None:
    async with server.tenant_transaction(ann) as tx:
        anns = await add(tx)
    async with server.system_transaction() as tx:
        assert await tx.fetchval("SELECT app.sample_tenant_of($1)", anns) == ann


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE app.sample_project",
        "CREATE TABLE app.mine ()",
        "CREATE TABLE public.mine ()",
        "CREATE TEMP TABLE mine ()",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION app.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE app.sample_project DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON app.sample_project",
        "SET ROLE loopctl_owner",
        "SET SESSION AUTHORIZATION loopctl_backup",
        "INSERT INTO app.sample_log VALUES (gen_random_uuid(), 0)",
        "INSERT INTO app.schema_migration VALUES (9999, 'x', 'pre', repeat('0', 64), now(), 0)",
        "UPDATE app.key_check SET check_value = ''",
        "DELETE FROM app.key_check",
        "CALL app.secure_tenant_table('app.sample_project')",
        "SELECT app.refuse_change()",
        "SELECT rolpassword FROM pg_authid",
    ],
)
async def test_the_application_role_may_not(sample: TestDatabase, statement: str) -> None:
    async with session(sample.app_url) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


@pytest.mark.parametrize("statement", ["UPDATE {} SET position = 7", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("table", ["app.sample_log", "app.sample_log_0"])
async def test_an_append_only_table_refuses_even_a_superuser(
    sample: TestDatabase, table: str, statement: str, ann: UUID
) -> None:
    async with session(sample.admin_url) as connection:
        await connection.execute("INSERT INTO app.sample_log VALUES ($1, 0)", ann)
        await connection.execute("SET session_replication_role = replica")
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="append-only"):
            await connection.execute(statement.format(table))
        assert await connection.fetchval("SELECT position FROM app.sample_log WHERE tenant_id = $1", ann) == 0


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ("id uuid PRIMARY KEY", "has no column tenant_id"),
        ("tenant_id text PRIMARY KEY", "has no column tenant_id of type uuid"),
        ("tenant_id uuid, id uuid, PRIMARY KEY (id, tenant_id)", "does not begin with tenant_id"),
        ("tenant_id uuid", "does not begin with tenant_id"),
    ],
)
async def test_a_table_that_cannot_be_secured_is_refused(sample: TestDatabase, columns: str, complaint: str) -> None:
    async with session(sample.migrator_url) as connection:
        await connection.execute("BEGIN; SET LOCAL ROLE loopctl_owner")
        await connection.execute(f"CREATE TABLE app.other ({columns})")
        with pytest.raises(asyncpg.RaiseError, match=complaint):
            await connection.execute("CALL app.secure_tenant_table('app.other')")
