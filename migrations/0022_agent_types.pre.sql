-- Of what type the agent of a key is: only an orchestrator's judges work. The look-up of who asks says it with the rest.

CALL app.open_to_lookups('app.agent');
GRANT SELECT (tenant_id, agent_id, agent_type) ON app.agent TO loopctl_fn;

DROP FUNCTION app.find_caller(bytea[]);
CREATE FUNCTION app.find_caller(hashes bytea[])
RETURNS TABLE (
    tenant_id uuid, key_id uuid, hash bytea, name text, role text, agent_id uuid, agent_type text,
    expires_at timestamptz, revoked_at timestamptz, tenant_status text, tenant_settings text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT h.tenant_id, h.key_id, h.hash, k.name, k.role, k.agent_id, a.agent_type, k.expires_at, k.revoked_at,
           t.status, t.settings
      FROM app.api_key_hash AS h
      JOIN app.api_key AS k ON k.tenant_id = h.tenant_id AND k.key_id = h.key_id
      JOIN app.tenant AS t ON t.tenant_id = h.tenant_id
      LEFT JOIN app.agent AS a ON a.tenant_id = k.tenant_id AND a.agent_id = k.agent_id
     WHERE h.hash = ANY (hashes)
     LIMIT 1
$$;
GRANT EXECUTE ON FUNCTION app.find_caller TO loopctl_app;

GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.find_caller OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
