-- A superadmin's session in a browser is kept under no tenant's id, and ends with its key: this says whether the key
-- stands, by its name. NULL for one that was revoked, and for any other id.
CREATE FUNCTION app.superadmin_name(wanted uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT name FROM app.superadmin_key WHERE key_id = wanted AND revoked_at IS NULL
$$;
GRANT EXECUTE ON FUNCTION app.superadmin_name TO loopctl_app;
GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.superadmin_name OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
