-- The newest signed head of a tenant comes with the look-up of who asks, so that every answer can tell it.
CALL app.open_to_lookups('app.log_checkpoint');
GRANT SELECT (tenant_id, size, root, note) ON app.log_checkpoint TO loopctl_fn;

CREATE FUNCTION app.newest_head(tenant uuid)
RETURNS TABLE (size bigint, root bytea, note bytea)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.size, c.root, c.note
      FROM app.log_checkpoint AS c
     WHERE c.tenant_id = tenant
     ORDER BY c.size DESC
     LIMIT 1
$$;
GRANT EXECUTE ON FUNCTION app.newest_head TO loopctl_app;

GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.newest_head OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;

-- Since when nobody may take a step of custody, because two heads that the log has signed contradict each other.
ALTER TABLE app.tenant ADD COLUMN custody_halted_at timestamptz;

-- The proofs, for everybody and for ever.
CREATE TABLE app.fork_proof (
    tenant_id   uuid        NOT NULL,
    evidence    bytea       NOT NULL CHECK (length(evidence) = 32),
    proof       bytea       NOT NULL CHECK (length(proof) <= 65535),
    found_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, evidence)
);
GRANT SELECT, INSERT ON app.fork_proof TO loopctl_app;
GRANT SELECT ON app.fork_proof TO loopctl_audit_ro;
CALL app.secure_tenant_table('app.fork_proof');
CALL app.make_append_only('app.fork_proof');
