-- Claims whose time has run out, of all tenants: for whoever ends them. Only leased stories are in the index it reads.

CREATE INDEX story_lease_end ON app.story (tenant_id, lease_expires_at, story_id) WHERE lease_expires_at IS NOT NULL;
DROP INDEX app.story_lease;

CALL app.open_to_lookups('app.story');
GRANT SELECT (tenant_id, story_id, lease_expires_at) ON app.story TO loopctl_fn;

CREATE FUNCTION app.expired_leases(before timestamptz, most integer)
RETURNS TABLE (tenant_id uuid, story_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.tenant_id, s.story_id
      FROM app.story AS s
     WHERE s.lease_expires_at <= before
     ORDER BY s.lease_expires_at
     LIMIT most
$$;
GRANT EXECUTE ON FUNCTION app.expired_leases TO loopctl_app;

GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.expired_leases OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
