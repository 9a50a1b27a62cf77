-- Tenants with settings, keys whose identity cannot change, agents, and when each was last seen.

-- Tenants -----------------------------------------------------------------------------------------------------------------

ALTER TABLE app.tenant
    ADD COLUMN settings text NOT NULL DEFAULT '{}',
    ADD COLUMN default_story_budget_millicents bigint CHECK (default_story_budget_millicents > 0),
    ADD COLUMN token_data_retention_days integer CHECK (token_data_retention_days >= 30),
    ADD COLUMN updated_at timestamptz,
    ADD COLUMN position bigint NOT NULL DEFAULT 0;
UPDATE app.tenant SET updated_at = created_at;
ALTER TABLE app.tenant ALTER COLUMN updated_at SET NOT NULL;
COMMENT ON COLUMN app.tenant.settings IS 'a JSON object, as the tenant''s events leave it';

-- One address, one tenant, whatever the case of its letters.
CREATE UNIQUE INDEX tenant_contact_email ON app.tenant_contact (lower(email));

-- Keys --------------------------------------------------------------------------------------------------------------------

ALTER TABLE app.api_key ADD COLUMN replaced_by uuid;
COMMENT ON COLUMN app.api_key.replaced_by IS 'the key that the last rotation made of this one';
CREATE INDEX api_key_agent ON app.api_key (tenant_id, agent_id) WHERE agent_id IS NOT NULL;
CREATE INDEX api_key_unrevoked ON app.api_key (tenant_id) WHERE revoked_at IS NULL;

-- What a key is never changes, whoever asks: not by a bug of ours, not by hand. An agent is linked once, a revocation
-- stands, an end only comes nearer. The owner alone may delete, because a rebuild makes the rows again from the log; who
-- can be the owner could drop this trigger as well.
CREATE FUNCTION app.freeze_api_key() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF current_user = 'loopctl_owner' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'a key is revoked, never deleted' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF (NEW.tenant_id, NEW.key_id, NEW.role, NEW.key_prefix, NEW.created_at)
           IS DISTINCT FROM (OLD.tenant_id, OLD.key_id, OLD.role, OLD.key_prefix, OLD.created_at)
       OR (OLD.agent_id IS NOT NULL AND NEW.agent_id IS DISTINCT FROM OLD.agent_id)
       OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
       OR (OLD.expires_at IS NOT NULL AND (NEW.expires_at IS NULL OR NEW.expires_at > OLD.expires_at))
    THEN
        RAISE EXCEPTION 'the identity of a key does not change' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER freeze_api_key BEFORE UPDATE OR DELETE ON app.api_key
    FOR EACH ROW EXECUTE FUNCTION app.freeze_api_key();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON app.api_key
    FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change();
ALTER TABLE app.api_key ENABLE ALWAYS TRIGGER freeze_api_key;
ALTER TABLE app.api_key ENABLE ALWAYS TRIGGER refuse_truncate;

-- Which secret is which key's is as much its identity.
CALL app.make_append_only('app.api_key_hash');

-- Agents ------------------------------------------------------------------------------------------------------------------

CREATE TABLE app.agent (
    tenant_id  uuid        NOT NULL,
    agent_id   uuid        NOT NULL,
    name       text        NOT NULL,
    agent_type text        NOT NULL CHECK (agent_type IN ('orchestrator', 'implementer')),
    status     text        NOT NULL CHECK (status IN ('active', 'idle', 'deactivated')),
    metadata   text        NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    position   bigint      NOT NULL,
    PRIMARY KEY (tenant_id, agent_id)
);
CREATE UNIQUE INDEX agent_name ON app.agent (tenant_id, name);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.agent TO loopctl_app;
GRANT SELECT ON app.agent TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.agent');

-- When a key or an agent last asked for something, to the minute. In no log, and in no read model that a rebuild empties.
CREATE TABLE app.last_seen (
    tenant_id uuid        NOT NULL,
    seen_id   uuid        NOT NULL,
    seen_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, seen_id)
) WITH (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE ON app.last_seen TO loopctl_app;
CALL app.secure_tenant_table('app.last_seen');

-- Who asks ----------------------------------------------------------------------------------------------------------------

-- As before, with the tenant's settings: how often a key may ask is one of them.
DROP FUNCTION app.find_caller(bytea[]);
CREATE FUNCTION app.find_caller(hashes bytea[])
RETURNS TABLE (
    tenant_id uuid, key_id uuid, hash bytea, name text, role text, agent_id uuid, expires_at timestamptz,
    revoked_at timestamptz, tenant_status text, tenant_settings text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT h.tenant_id, h.key_id, h.hash, k.name, k.role, k.agent_id, k.expires_at, k.revoked_at, t.status, t.settings
      FROM app.api_key_hash AS h
      JOIN app.api_key AS k ON k.tenant_id = h.tenant_id AND k.key_id = h.key_id
      JOIN app.tenant AS t ON t.tenant_id = h.tenant_id
     WHERE h.hash = ANY (hashes)
     LIMIT 1
$$;
GRANT EXECUTE ON FUNCTION app.find_caller TO loopctl_app;

-- A page of the tenants by name, for superadmins: what the tenants themselves are called, and nothing that is theirs.
CREATE FUNCTION app.find_tenants(wanted_status text, search text, most integer, skip integer)
RETURNS TABLE (tenant_id uuid, total bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.tenant_id, count(*) OVER ()
      FROM app.tenant AS t
     WHERE (wanted_status IS NULL OR t.status = wanted_status)
       AND (search IS NULL OR position(lower(search) IN lower(t.name)) > 0 OR position(lower(search) IN t.slug) > 0)
     ORDER BY t.name, t.tenant_id
     LIMIT least(most, 100) OFFSET skip
$$;
GRANT EXECUTE ON FUNCTION app.find_tenants TO loopctl_app;

GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.find_caller OWNER TO loopctl_fn;
ALTER FUNCTION app.find_tenants OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
