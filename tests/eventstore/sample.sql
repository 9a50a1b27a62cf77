-- A small schema as later migrations will make it: whole, so that breaking one thing breaks one rule.
CREATE TABLE app.sample_project (
    tenant_id  uuid NOT NULL,
    project_id uuid NOT NULL,
    name       text NOT NULL,
    PRIMARY KEY (tenant_id, project_id)
);
CALL app.secure_tenant_table('app.sample_project');
CALL app.open_to_lookups('app.sample_project');
GRANT SELECT, INSERT, UPDATE, DELETE ON app.sample_project TO loopctl_app;
GRANT SELECT ON app.sample_project TO loopctl_fn, loopctl_audit_ro;

CREATE TABLE app.sample_story (
    tenant_id  uuid NOT NULL,
    story_id   uuid NOT NULL,
    project_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, story_id),
    FOREIGN KEY (tenant_id, project_id) REFERENCES app.sample_project (tenant_id, project_id)
);
CREATE INDEX sample_story_project ON app.sample_story (tenant_id, project_id);
CALL app.secure_tenant_table('app.sample_story');

CREATE TABLE app.sample_log (
    tenant_id uuid   NOT NULL,
    position  bigint NOT NULL,
    PRIMARY KEY (tenant_id, position)
) PARTITION BY RANGE (position);
CREATE TABLE app.sample_log_0 PARTITION OF app.sample_log FOR VALUES FROM (0) TO (1000);
CALL app.secure_tenant_table('app.sample_log', forced => true);
CALL app.secure_tenant_table('app.sample_log_0', forced => true);
CALL app.make_append_only('app.sample_log');
CALL app.make_append_only('app.sample_log_0');
GRANT SELECT ON app.sample_log TO loopctl_app;

CREATE VIEW app.sample_names WITH (security_invoker = on) AS SELECT tenant_id, name FROM app.sample_project;

CREATE FUNCTION app.sample_rename(tenant_id uuid, project_id uuid, name text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE app.sample_project AS p SET name = sample_rename.name
     WHERE p.tenant_id = sample_rename.tenant_id AND p.project_id = sample_rename.project_id
$$;
GRANT EXECUTE ON FUNCTION app.sample_rename(uuid, uuid, text) TO loopctl_app;

CREATE FUNCTION app.sample_tenant_of(project_id uuid) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT p.tenant_id FROM app.sample_project AS p WHERE p.project_id = sample_tenant_of.project_id $$;
GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.sample_tenant_of(uuid) OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
SET LOCAL ROLE loopctl_fn;
REVOKE ALL ON FUNCTION app.sample_tenant_of(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.sample_tenant_of(uuid) TO loopctl_app;
SET LOCAL ROLE loopctl_owner;
