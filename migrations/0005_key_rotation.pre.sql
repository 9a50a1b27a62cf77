-- Changing the key of a log (spec 05, section 4.1; 06, 4.2).

-- Holds the end of a tenant's log until COMMIT, for an entry that has to be signed for its place before it is appended.
CREATE FUNCTION app.hold_log(tenant uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT FROM app.log_head WHERE tenant_id = tenant FOR UPDATE
$$;
GRANT EXECUTE ON FUNCTION app.hold_log TO loopctl_app;

-- By the name that the operator knows; NULL when there is none.
CREATE FUNCTION app.find_tenant(wanted_slug text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT tenant_id FROM app.tenant WHERE slug = wanted_slug
$$;
GRANT EXECUTE ON FUNCTION app.find_tenant TO loopctl_app;

GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.hold_log OWNER TO loopctl_fn;
ALTER FUNCTION app.find_tenant OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;

-- Whoever signs heads ends the time of keys that were replaced.
GRANT UPDATE (last_size, retired_at, private_key) ON app.log_key TO loopctl_worker;
