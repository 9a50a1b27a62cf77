-- Violations of custody that were refused or stopped, as the events of a tenant tell of them, for a person to look at.

CREATE TABLE app.violator (
    tenant_id       uuid        NOT NULL,
    violator_id     uuid        NOT NULL,
    violation_type  text        NOT NULL,
    entity_type     text        NOT NULL,
    entity_id       uuid        NOT NULL,
    discovered_at   timestamptz NOT NULL,
    detail          text        NOT NULL,
    status          text        NOT NULL CHECK (status IN ('pending', 'resolved', 'ignored')),
    resolved_at     timestamptz,
    resolution_note text,
    position        bigint      NOT NULL,
    PRIMARY KEY (tenant_id, violator_id)
);
-- Superadmins look at those of all tenants at once.
CREATE INDEX violator_newest ON app.violator (status, discovered_at DESC, violator_id);
CREATE INDEX violator_by_id ON app.violator (violator_id);
GRANT SELECT, INSERT ON app.violator TO loopctl_app;
GRANT UPDATE (status, resolved_at, resolution_note, position) ON app.violator TO loopctl_app;
GRANT SELECT ON app.violator TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.violator');
CALL app.open_to_lookups('app.violator');
GRANT SELECT (tenant_id, violator_id, violation_type, status, discovered_at) ON app.violator TO loopctl_fn;

-- A page of them, the newest first: which there are and whose, and nothing that they say.
CREATE FUNCTION app.find_violators(wanted_tenant uuid, wanted_type text, wanted_status text, most integer, skip integer)
RETURNS TABLE (tenant_id uuid, violator_id uuid, total bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v.tenant_id, v.violator_id, count(*) OVER ()
      FROM app.violator AS v
     WHERE (wanted_tenant IS NULL OR v.tenant_id = wanted_tenant)
       AND (wanted_type IS NULL OR v.violation_type = wanted_type)
       AND (wanted_status IS NULL OR v.status = wanted_status)
     ORDER BY v.discovered_at DESC, v.violator_id
     LIMIT least(most, 100) OFFSET skip
$$;
REVOKE ALL ON FUNCTION app.find_violators FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.find_violators TO loopctl_app;

CREATE FUNCTION app.find_violator(wanted uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v.tenant_id FROM app.violator AS v WHERE v.violator_id = wanted
$$;
REVOKE ALL ON FUNCTION app.find_violator FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.find_violator TO loopctl_app;

GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.find_violators OWNER TO loopctl_fn;
ALTER FUNCTION app.find_violator OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
