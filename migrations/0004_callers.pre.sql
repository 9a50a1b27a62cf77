-- Who is asking: the one look-up that comes before a tenant is known.

CALL app.open_to_lookups('app.api_key');
GRANT SELECT ON app.api_key TO loopctl_fn;

-- By the hashes of one presented key (one for each pepper in use). What is not active is returned as well: the caller
-- answers it like an unknown key, but a suspended tenant differently.
CREATE FUNCTION app.find_caller(hashes bytea[])
RETURNS TABLE (
    tenant_id uuid, key_id uuid, hash bytea, name text, role text, agent_id uuid, expires_at timestamptz,
    revoked_at timestamptz, tenant_status text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT h.tenant_id, h.key_id, h.hash, k.name, k.role, k.agent_id, k.expires_at, k.revoked_at, t.status
      FROM app.api_key_hash AS h
      JOIN app.api_key AS k ON k.tenant_id = h.tenant_id AND k.key_id = h.key_id
      JOIN app.tenant AS t ON t.tenant_id = h.tenant_id
     WHERE h.hash = ANY (hashes)
     LIMIT 1
$$;
GRANT EXECUTE ON FUNCTION app.find_caller TO loopctl_app;

GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.find_caller OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
