"""Each rule is broken on purpose, in a transaction that is rolled back, and has to be the only one that turns red."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from eventstore.catalog.check import EXPECTED, RULES, CatalogViolated, Violation, assert_catalog, check_catalog
from tests.support.database import TestDatabase, connected, copied_database, session

if TYPE_CHECKING:
    from tests.support.database import Connection

SAMPLE = Path(__file__).parent.with_name("sample.sql").read_text()

SAMPLED = structs.replace(
    EXPECTED,
    append_only=EXPECTED.append_only | {"app.sample_log"},
    forced=EXPECTED.forced | {"app.sample_log"},
    definer_functions=EXPECTED.definer_functions | {"app.sample_tenant_of(uuid)"},
    lookup_tables=EXPECTED.lookup_tables | {"app.sample_project"},
    tenantless_functions=EXPECTED.tenantless_functions | {"app.sample_tenant_of(uuid)"},
)

OWNER = "SET LOCAL ROLE loopctl_owner; "

LET_IN = "DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO sneaky', current_database()); END $$"

BROKEN = {
    # roles and rights
    "a role with CREATEDB": ("roles_are_exact", "ALTER ROLE loopctl_app CREATEDB"),
    "a worker without row security": ("roles_are_exact", "ALTER ROLE loopctl_worker BYPASSRLS"),
    "an owner who can log in": ("roles_are_exact, no_login_role_owns", "ALTER ROLE loopctl_owner LOGIN"),
    "a reader of everything": ("memberships_are_exact", "GRANT pg_read_all_data TO loopctl_app"),
    "an owner who inherits": ("memberships_are_exact", "GRANT loopctl_fn TO loopctl_owner WITH INHERIT TRUE"),
    "an app that can become the owner": (
        "memberships_are_exact, session_is_bound",
        "GRANT loopctl_owner TO loopctl_app WITH INHERIT FALSE",
    ),
    "a table that the app owns": ("no_login_role_owns", "ALTER TABLE app.sample_story OWNER TO loopctl_app"),
    "a function that the administrator owns": ("no_login_role_owns", "ALTER FUNCTION app.tid() OWNER TO postgres"),
    "a table that everybody reads": ("nothing_for_public", "GRANT SELECT ON app.key_check TO PUBLIC"),
    "a column that everybody reads": ("nothing_for_public", "GRANT SELECT (kid) ON app.key_check TO PUBLIC"),
    "a function that everybody calls": ("nothing_for_public", "GRANT EXECUTE ON FUNCTION app.tid() TO PUBLIC"),
    "temporary tables": (
        "nothing_for_public, login_roles_create_nothing",
        "DO $$ BEGIN EXECUTE format('GRANT TEMP ON DATABASE %I TO PUBLIC', current_database()); END $$",
    ),
    "an app that creates": ("login_roles_create_nothing", "GRANT CREATE ON SCHEMA app TO loopctl_app"),
    "an app that truncates": ("grants_are_narrow", "GRANT TRUNCATE ON app.sample_project TO loopctl_app"),
    "GRANT ALL": ("grants_are_narrow", "GRANT ALL ON app.sample_story TO loopctl_worker"),
    "an app that may rewrite the log": ("log_writers_are_listed", "GRANT UPDATE ON app.sample_log TO loopctl_app"),
    "one column of the log": ("log_writers_are_listed", "GRANT UPDATE (position) ON app.sample_log_0 TO loopctl_app"),
    "an app that moves the head": (
        "log_writers_are_listed",
        "GRANT INSERT, UPDATE, DELETE ON app.log_head, app.log_tile TO loopctl_app",
    ),
    "an app that writes entries": ("log_writers_are_listed", "GRANT INSERT ON app.log_entry TO loopctl_app"),
    "an app that burns nonces": ("log_writers_are_listed", "GRANT INSERT ON app.used_nonce TO loopctl_app"),
    "an app that claims migrations": ("log_writers_are_listed", "GRANT INSERT ON app.schema_migration TO loopctl_app"),
    "an app that rewrites keys": ("log_writers_are_listed", "GRANT UPDATE ON app.log_key TO loopctl_app"),
    "an app that rewrites a public key": (
        "log_writers_are_listed",
        "GRANT UPDATE (public_key) ON app.log_key TO loopctl_app",
    ),
    "a worker that makes keys": ("log_writers_are_listed", "GRANT INSERT ON app.log_key TO loopctl_worker"),
    "a stranger who writes entries": (
        "log_writers_are_listed",
        "CREATE ROLE sneaky LOGIN; GRANT INSERT ON app.log_entry TO sneaky",
    ),
    "a stranger without row security": ("no_stranger_sees_all", "CREATE ROLE sneaky LOGIN BYPASSRLS; " + LET_IN),
    "a stranger who can lay row security off": (
        "no_stranger_sees_all",
        "CREATE ROLE unbound BYPASSRLS; CREATE ROLE sneaky LOGIN IN ROLE unbound; " + LET_IN,
    ),
    "a stranger who can become the owner": (
        "no_stranger_sees_all",
        "CREATE ROLE sneaky LOGIN IN ROLE loopctl_owner; " + LET_IN,
    ),
    "an auditor who writes": ("grants_are_narrow", "GRANT INSERT ON app.sample_project TO loopctl_audit_ro"),
    "a grant to be passed on": ("grants_are_narrow", "GRANT SELECT ON app.sample_log TO loopctl_app WITH GRANT OPTION"),
    "a materialised view": (
        "grants_are_narrow",
        OWNER + "CREATE MATERIALIZED VIEW app.m AS SELECT 1; GRANT SELECT ON app.m TO loopctl_app",
    ),
    # tenants
    "a table without a tenant": ("table_has_tenant_id", OWNER + "CREATE TABLE app.forgotten (id uuid PRIMARY KEY)"),
    "a tenant that may be missing": (
        "tenant_id_is_a_uuid, primary_key_begins_with_tenant",
        "ALTER TABLE app.sample_story DROP CONSTRAINT sample_story_pkey, ALTER tenant_id DROP NOT NULL",
    ),
    "a tenant by name": (
        "tenant_id_is_a_uuid, policy_is_canonical",
        OWNER + "CREATE TABLE app.named (tenant_id text PRIMARY KEY); "
        "ALTER TABLE app.named ENABLE ROW LEVEL SECURITY; "
        "CREATE POLICY tenant ON app.named USING (tenant_id = (SELECT app.tid())::text)",
    ),
    "a new table without row security": (
        "tenant_table_has_row_security, tenant_table_has_one_policy",
        OWNER + "CREATE TABLE app.open (tenant_id uuid PRIMARY KEY)",
    ),
    "row security turned off": (
        "tenant_table_has_row_security",
        "ALTER TABLE app.sample_story DISABLE ROW LEVEL SECURITY",
    ),
    "a log that trusts its owner": ("row_security_is_forced", "ALTER TABLE app.sample_log NO FORCE ROW LEVEL SECURITY"),
    "a policy dropped": ("tenant_table_has_one_policy", "DROP POLICY tenant ON app.sample_story"),
    "a second policy": (
        "tenant_table_has_one_policy",
        "CREATE POLICY again ON app.sample_story USING (tenant_id = (SELECT app.tid())) "
        "WITH CHECK (tenant_id = (SELECT app.tid()))",
    ),
    "a policy that lets all through": ("policy_is_canonical", "ALTER POLICY tenant ON app.sample_story USING (true)"),
    "a policy that calls for each row": (
        "policy_is_canonical",
        "ALTER POLICY tenant ON app.sample_story USING (tenant_id = app.tid())",
    ),
    "a look-up policy for the app": ("policy_is_canonical", "ALTER POLICY lookup ON app.sample_project TO loopctl_app"),
    "a look-up in the log": ("lookups_are_listed", "CALL app.open_to_lookups('app.log_entry')"),
    "a primary key without the tenant": (
        "primary_key_begins_with_tenant, index_begins_with_tenant",
        "ALTER TABLE app.sample_story DROP CONSTRAINT sample_story_pkey, ADD PRIMARY KEY (story_id)",
    ),
    "no primary key": (
        "primary_key_begins_with_tenant",
        "ALTER TABLE app.sample_story DROP CONSTRAINT sample_story_pkey",
    ),
    "an index without the tenant": (
        "index_begins_with_tenant",
        "CREATE INDEX sample_story_alone ON app.sample_story (project_id, tenant_id)",
    ),
    "a foreign key across tenants": (
        "foreign_key_stays_in_tenant, index_begins_with_tenant",
        "ALTER TABLE app.sample_project ADD CONSTRAINT global UNIQUE (project_id); "
        "ALTER TABLE app.sample_story ADD FOREIGN KEY (project_id) REFERENCES app.sample_project (project_id)",
    ),
    "a global table that refers to a tenant": (
        "foreign_key_stays_in_tenant",
        "ALTER TABLE app.key_check ADD tenant uuid, ADD project uuid, "
        "ADD FOREIGN KEY (tenant, project) REFERENCES app.sample_project (tenant_id, project_id)",
    ),
    "a log that refers to a projection": (
        "log_refers_to_log_only",
        "ALTER TABLE app.sample_log ADD project_id uuid, "
        "ADD FOREIGN KEY (tenant_id, project_id) REFERENCES app.sample_project (tenant_id, project_id)",
    ),
    # append-only, views, shards
    "a trigger dropped": ("append_only_is_enforced", "DROP TRIGGER refuse_change ON app.schema_migration"),
    "a trigger that replicas pass by": (
        "append_only_is_enforced",
        "ALTER TABLE app.schema_migration ENABLE TRIGGER refuse_truncate",
    ),
    "a partition that can be truncated": (
        "append_only_is_enforced",
        "DROP TRIGGER refuse_truncate ON app.sample_log_0",
    ),
    "an append-only table gone": ("append_only_is_enforced", "DROP TABLE app.schema_migration"),
    "a guard of keys that is gone": ("guards_are_there", "DROP TRIGGER freeze_api_key ON app.api_key"),
    "a guard that replicas pass by": (
        "guards_are_there",
        "ALTER TABLE app.story ENABLE REPLICA TRIGGER confirmed_when_moved",
    ),
    "a guard that looks away": (
        "guards_are_there",
        "DROP TRIGGER confirmed_when_made ON app.story; "
        "CREATE TRIGGER confirmed_when_made AFTER INSERT ON app.story FOR EACH ROW WHEN (false) "
        "EXECUTE FUNCTION app.confirm_by_event(); "
        "ALTER TABLE app.story ENABLE ALWAYS TRIGGER confirmed_when_made",
    ),
    "a view with its owner's rights": (
        "view_has_security_invoker",
        OWNER + "CREATE VIEW app.v AS TABLE app.sample_project",
    ),
    "a view that says off": (
        "view_has_security_invoker",
        "ALTER VIEW app.sample_names SET (security_invoker = off)",
    ),
    "a sequence": ("no_sequences", OWNER + "CREATE SEQUENCE app.counter"),
    "an identity column": (
        "no_sequences",
        "ALTER TABLE app.sample_story ADD number integer GENERATED ALWAYS AS IDENTITY",
    ),
    "an unlogged table": ("no_unlogged_tables", "ALTER TABLE app.sample_story SET UNLOGGED"),
    # functions
    "a function without a search path": (
        "function_has_fixed_search_path",
        "ALTER FUNCTION app.sample_rename(uuid, uuid, text) RESET ALL",
    ),
    "a search path with a place to create in": (
        "function_has_fixed_search_path",
        "ALTER FUNCTION app.sample_rename(uuid, uuid, text) SET search_path = app, pg_catalog",
    ),
    "an unlisted definer": (
        "definer_functions_are_listed",
        "ALTER FUNCTION app.sample_rename(uuid, uuid, text) SECURITY DEFINER; "
        "ALTER FUNCTION app.sample_rename(uuid, uuid, text) OWNER TO loopctl_fn",
    ),
    "a definer with the owner's rights": (
        "definer_functions_are_listed",
        "ALTER FUNCTION app.sample_tenant_of(uuid) OWNER TO loopctl_owner",
    ),
    "a function without the tenant": (
        "function_takes_the_tenant_first",
        OWNER + "CREATE FUNCTION app.count_all(kind text) RETURNS bigint LANGUAGE sql "
        "SET search_path = pg_catalog, pg_temp AS 'SELECT 1::bigint'; "
        "GRANT EXECUTE ON FUNCTION app.count_all(text) TO loopctl_app",
    ),
    "another tenant": (
        "function_is_as_it_was_made",
        OWNER + "CREATE OR REPLACE FUNCTION app.tid() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE "
        "SET search_path = pg_catalog, pg_temp AS "
        "$$ SELECT coalesce(current_setting('app.other', true), current_setting('app.tenant', true))::uuid $$",
    ),
    "a refusal that lets go": (
        "function_is_as_it_was_made",
        OWNER + "CREATE OR REPLACE FUNCTION app.refuse_change() RETURNS trigger LANGUAGE plpgsql "
        "SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN OLD; END'",
    ),
    "an append that does nothing for a NULL": (
        "function_is_as_it_was_made",
        "ALTER FUNCTION app.append_batch STRICT",
    ),
    "a look-up gone": ("function_is_as_it_was_made", "DROP FUNCTION app.find_caller(bytea[])"),
    "an advisory lock": (
        "no_session_state",
        OWNER + "CREATE FUNCTION app.lock(tenant_id uuid) RETURNS void LANGUAGE sql "
        "SET search_path = pg_catalog, pg_temp AS 'SELECT pg_advisory_xact_lock(1)'",
    ),
    "a notification": (
        "no_session_state",
        OWNER + "CREATE PROCEDURE app.tell(tenant_id uuid) LANGUAGE plpgsql "
        "SET search_path = pg_catalog, pg_temp AS 'BEGIN NOTIFY woken; END'",
    ),
}


@pytest.fixture(scope="module")
async def scratch(postgres_admin_url: str, database_template: str) -> "AsyncIterator[Connection]":
    """The administrator in one database with the sample schema: every test rolls back what it did there."""
    async with (
        copied_database(postgres_admin_url, database_template) as made,
        session(made.admin_url) as connection,
    ):
        async with connection.transaction():
            await connection.execute(OWNER + SAMPLE)
        yield connection


async def violations_after(
    connection: "Connection", damage: str = "", served_as: str = "loopctl_app"
) -> list[Violation]:
    """Damage, check as the role that is served, then all as it was, the cluster's roles included."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"{damage}; RESET ROLE; SET LOCAL SESSION AUTHORIZATION {served_as}")
        return await check_catalog(connection, SAMPLED)
    finally:
        await transaction.rollback()


async def test_the_migrated_schema_breaks_no_rule(database: TestDatabase) -> None:
    for url, role in ((database.app_url, "loopctl_app"), (database.worker_url, "loopctl_worker")):
        server = await connected(url, role=role)
        async with server.system_transaction() as tx:
            assert await check_catalog(tx) == []
        await server.close()


async def test_the_sample_schema_breaks_no_rule(scratch: "Connection") -> None:
    assert await violations_after(scratch) == []


@pytest.mark.parametrize("damage", BROKEN)
async def test_one_damage_turns_exactly_its_rules_red(scratch: "Connection", damage: str) -> None:
    rules, statements = BROKEN[damage]
    found = await violations_after(scratch, statements)
    assert {violation.rule for violation in found} == set(rules.split(", ")), found


async def test_an_address_of_the_administrator_is_refused(scratch: "Connection") -> None:
    found = await violations_after(scratch, served_as="postgres")
    assert [(violation.rule, violation.object) for violation in found] == [("session_is_bound", "postgres")]


@pytest.mark.parametrize(
    "harmless",
    [
        "CREATE ROLE sneaky LOGIN BYPASSRLS",  # cannot connect here
        "CREATE ROLE sneaky LOGIN; " + LET_IN,  # bound by row security, and without a grant
        "CREATE ROLE sneaky LOGIN SUPERUSER; " + LET_IN,
        "CREATE ROLE sneaky LOGIN BYPASSRLS; "
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO sneaky', current_database()); END $$",
    ],
)
async def test_the_operators_own_roles_are_left_alone(scratch: "Connection", harmless: str) -> None:
    assert await violations_after(scratch, harmless) == []


def test_every_rule_is_broken_somewhere() -> None:
    broken = {rule for rules, _ in BROKEN.values() for rule in rules.split(", ")}
    assert broken == {rule.name for rule in RULES}


async def test_the_refusal_names_every_violation_with_a_way_out(database: TestDatabase) -> None:
    async with session(database.admin_url) as connection:
        await connection.execute("SET ROLE loopctl_owner; CREATE SEQUENCE app.one; CREATE UNLOGGED TABLE app.two ()")
    async with session(database.app_url) as connection, connection.transaction():
        with pytest.raises(CatalogViolated) as refusal:
            await assert_catalog(connection)
    assert {found.object for found in refusal.value.violations} == {"app.one", "app.two"}
    for violation in refusal.value.violations:
        assert str(violation) in str(refusal.value)
        assert violation.hint in str(violation)
