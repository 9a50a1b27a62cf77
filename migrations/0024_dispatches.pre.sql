-- Dispatches: a tree of assignments, each with a key of its own that ends by itself. Whose work something is, and who may
-- confirm it, is read off the lineage of the key that asks; so a key's lineage is as fixed as its role.

CREATE TABLE app.dispatch (
    tenant_id          uuid        NOT NULL,
    dispatch_id        uuid        NOT NULL,
    parent_dispatch_id uuid,
    agent_id           uuid,
    story_id           uuid,
    role               text        NOT NULL CHECK (role IN ('agent', 'orchestrator')),
    lineage            uuid[]      NOT NULL CHECK (cardinality(lineage) BETWEEN 1 AND 16),
    minters            uuid[]      NOT NULL,
    human_root         boolean     NOT NULL,
    key_id             uuid        NOT NULL,
    created_at         timestamptz NOT NULL,
    expires_at         timestamptz NOT NULL,
    revoked_at         timestamptz,
    position           bigint      NOT NULL,
    PRIMARY KEY (tenant_id, dispatch_id),
    CHECK (lineage[cardinality(lineage)] = dispatch_id)
);
CREATE INDEX dispatch_newest ON app.dispatch (tenant_id, created_at DESC, dispatch_id DESC);
CREATE INDEX dispatch_unrevoked ON app.dispatch (tenant_id, expires_at) WHERE revoked_at IS NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON app.dispatch TO loopctl_app;
GRANT SELECT ON app.dispatch TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.dispatch');

ALTER TABLE app.api_key
    ADD COLUMN dispatch_id uuid,
    ADD COLUMN lineage uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN minters uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN human_root boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT key_of_dispatch CHECK (
        (dispatch_id IS NULL AND lineage = '{}')
        OR (dispatch_id IS NOT NULL AND lineage[cardinality(lineage)] = dispatch_id AND expires_at IS NOT NULL
            AND role IN ('agent', 'orchestrator')));
CREATE INDEX api_key_of_dispatch ON app.api_key (tenant_id, expires_at)
 WHERE dispatch_id IS NOT NULL AND revoked_at IS NULL;

CREATE OR REPLACE FUNCTION app.freeze_api_key() RETURNS trigger
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
    IF (NEW.tenant_id, NEW.key_id, NEW.role, NEW.key_prefix, NEW.created_at, NEW.dispatch_id, NEW.lineage, NEW.minters,
        NEW.human_root)
           IS DISTINCT FROM (OLD.tenant_id, OLD.key_id, OLD.role, OLD.key_prefix, OLD.created_at, OLD.dispatch_id,
                             OLD.lineage, OLD.minters, OLD.human_root)
       OR (OLD.agent_id IS NOT NULL AND NEW.agent_id IS DISTINCT FROM OLD.agent_id)
       OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
       OR (OLD.expires_at IS NOT NULL AND (NEW.expires_at IS NULL OR NEW.expires_at > OLD.expires_at))
    THEN
        RAISE EXCEPTION 'the identity of a key does not change' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NEW;
END
$$;

DROP FUNCTION app.find_caller(bytea[]);
CREATE FUNCTION app.find_caller(hashes bytea[])
RETURNS TABLE (
    tenant_id uuid, key_id uuid, hash bytea, name text, role text, agent_id uuid, agent_type text,
    expires_at timestamptz, revoked_at timestamptz, tenant_status text, tenant_settings text, lineage uuid[],
    minters uuid[], human_root boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT h.tenant_id, h.key_id, h.hash, k.name, k.role, k.agent_id, a.agent_type, k.expires_at, k.revoked_at,
           t.status, t.settings, k.lineage, k.minters, k.human_root
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
