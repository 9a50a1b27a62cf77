-- The ground of every later migration: the schema, who may do what in it by default, row security, append-only tables,
-- the ledger of migrations, the check value of the key-encryption keys.

CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO loopctl_app, loopctl_worker, loopctl_fn, loopctl_audit_ro, loopctl_backup;

-- Per role, not per schema: a default that PostgreSQL gives to PUBLIC can only be taken back for all schemas at once.
ALTER DEFAULT PRIVILEGES FOR ROLE loopctl_owner REVOKE EXECUTE ON ROUTINES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE loopctl_owner IN SCHEMA app GRANT SELECT ON TABLES TO loopctl_backup;

-- Row security -------------------------------------------------------------------------------------------------------

-- The tenant of this transaction, NULL when it has none. After the first SET LOCAL of a session the setting is '' and no
-- longer absent, which must not reach the cast; any other text that is no uuid must, and is an error.
CREATE FUNCTION app.tid() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT nullif(current_setting('app.tenant', true), '')::uuid $$;

GRANT EXECUTE ON FUNCTION app.tid() TO loopctl_app, loopctl_worker, loopctl_fn, loopctl_audit_ro;

-- Every table of tenant data is handed to this, so that there is one form of the policy. The sub-select makes the tenant
-- a constant of the query: once per statement instead of once per row.
CREATE PROCEDURE app.secure_tenant_table(target regclass, forced boolean DEFAULT false)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT
          FROM pg_attribute
         WHERE attrelid = target AND attname = 'tenant_id' AND atttypid = 'uuid'::regtype AND NOT attisdropped
    ) THEN
        RAISE EXCEPTION '% has no column tenant_id of type uuid', target;
    END IF;
    IF NOT EXISTS (
        SELECT
          FROM pg_constraint AS c
          JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
         WHERE c.conrelid = target AND c.contype = 'p' AND a.attname = 'tenant_id'
    ) THEN
        RAISE EXCEPTION 'the primary key of % does not begin with tenant_id', target;
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    IF forced THEN
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    END IF;
    EXECUTE format(
        'CREATE POLICY tenant ON %s USING (tenant_id = (SELECT app.tid())) WITH CHECK (tenant_id = (SELECT app.tid()))',
        target);
END
$$;

-- Lets the functions of loopctl_fn, the look-ups that come before a tenant is known, read all tenants of one table.
CREATE PROCEDURE app.open_to_lookups(target regclass)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('CREATE POLICY lookup ON %s FOR SELECT TO loopctl_fn USING (true)', target);
END
$$;

-- Append-only tables -------------------------------------------------------------------------------------------------

CREATE FUNCTION app.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'object_not_in_prerequisite_state';
END
$$;

-- Also against the owner and superusers, who have every right. ALWAYS: without it, session_replication_role = replica
-- passes by. A partition needs a call of its own, because TRUNCATE can name it directly.
CREATE PROCEDURE app.make_append_only(target regclass)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The row trigger of a partitioned table is there already on its partitions.
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = target AND tgname = 'refuse_change') THEN
        EXECUTE format(
            'CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION app.refuse_change()',
            target);
    END IF;
    EXECUTE format(
        'CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change()',
        target);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER refuse_change', target);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER refuse_truncate', target);
END
$$;

-- The ledger of the runner -------------------------------------------------------------------------------------------

CREATE TABLE app.schema_migration (
    number      integer     PRIMARY KEY CHECK (number BETWEEN 1 AND 9999),
    name        text        NOT NULL,
    phase       text        NOT NULL CHECK (phase IN ('pre', 'post')),
    checksum    text        NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
    applied_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    duration_ms integer     NOT NULL CHECK (duration_ms >= 0)
);
COMMENT ON COLUMN app.schema_migration.checksum IS 'SHA-256 of the file, in hex';
GRANT SELECT ON app.schema_migration TO loopctl_app, loopctl_worker, loopctl_audit_ro;
CALL app.make_append_only('app.schema_migration');

-- The seal -----------------------------------------------------------------------------------------------------------

-- A constant, encrypted under each key-encryption key that was ever in use: only the right key opens it.
CREATE TABLE app.key_check (
    kid         text        PRIMARY KEY CHECK (kid ~ '^[0-9a-f]{8}$'),
    check_value bytea       NOT NULL CHECK (length(check_value) BETWEEN 34 AND 256),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT, INSERT (kid, check_value) ON app.key_check TO loopctl_app, loopctl_worker;
