-- Background checks of the logs, and the keys of superadmins.

-- Which tenants there are, for what the service does for each of them by itself: nothing but their names.
CREATE FUNCTION app.list_tenants(after uuid, most integer)
RETURNS TABLE (tenant_id uuid, slug text, name text, status text, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.tenant_id, t.slug, t.name, t.status, t.created_at
      FROM app.tenant AS t
     WHERE t.tenant_id > after
     ORDER BY t.tenant_id
     LIMIT least(most, 1000)
$$;
GRANT EXECUTE ON FUNCTION app.list_tenants TO loopctl_app, loopctl_worker;

-- How far the background check of a log has come. Losing it costs time and the comparison with what was seen before.
CREATE TABLE app.watched_log (
    tenant_id    uuid        PRIMARY KEY,
    newest_size  bigint      NOT NULL DEFAULT -1,
    newest_at    timestamptz,
    position     bytea,
    whole_size   bigint      NOT NULL DEFAULT -1,
    whole_heads  bigint      NOT NULL DEFAULT 0,
    whole_at     timestamptz,
    fault        text
);
COMMENT ON COLUMN app.watched_log.newest_size IS 'size of the log when its newest entries were last found good';
COMMENT ON COLUMN app.watched_log.position IS 'where the running check of everything goes on, as JSON; NULL: from the start';
COMMENT ON COLUMN app.watched_log.whole_heads IS 'signed heads up to whole_size when everything was last found good';
COMMENT ON COLUMN app.watched_log.fault IS 'what the last check found, as JSON; NULL: nothing';
GRANT SELECT, INSERT, UPDATE ON app.watched_log TO loopctl_worker;
GRANT SELECT ON app.watched_log TO loopctl_app, loopctl_audit_ro;
CALL app.secure_tenant_table('app.watched_log');

-- Keys that belong to no tenant. Made and revoked on the server by the owner of this table, seen by hash only.
CREATE TABLE app.superadmin_key (
    key_id     uuid        PRIMARY KEY,
    name       text        NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    key_prefix text        NOT NULL,
    pepper_kid text        NOT NULL CHECK (pepper_kid ~ '^[0-9a-f]{8}$'),
    hash       bytea       NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
GRANT SELECT ON app.superadmin_key TO loopctl_fn;

-- By the hashes of one presented key, one for each pepper in use; revoked keys are not found.
CREATE FUNCTION app.find_superadmin(hashes bytea[])
RETURNS TABLE (key_id uuid, hash bytea, name text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.key_id, k.hash, k.name
      FROM app.superadmin_key AS k
     WHERE k.hash = ANY (hashes) AND k.revoked_at IS NULL
     LIMIT 1
$$;
GRANT EXECUTE ON FUNCTION app.find_superadmin TO loopctl_app;

GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.list_tenants OWNER TO loopctl_fn;
ALTER FUNCTION app.find_superadmin OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
