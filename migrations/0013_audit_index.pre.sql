-- What the audit trail and the change feed find entries by. The entries themselves are made from the log when they are
-- read, so that a row here is narrow; it is never changed. And the checkpoints of orchestrators.

CREATE TABLE app.audit_index (
    tenant_id   uuid        NOT NULL,
    position    bigint      NOT NULL,
    at          timestamptz NOT NULL,
    -- The latest time of this entry and all before it: grows with the position, whatever clocks did.
    latest      timestamptz NOT NULL,
    entity_id   uuid        NOT NULL,
    project_id  uuid,
    -- Of another entity that belongs into a story's history as well.
    story_id    uuid,
    actor_id    uuid,
    entity_type text        NOT NULL,
    action      text        NOT NULL,
    actor_type  text        NOT NULL CHECK (actor_type IN ('api_key', 'system', 'superadmin', 'human')),
    PRIMARY KEY (tenant_id, position)
);
CREATE INDEX audit_index_time ON app.audit_index (tenant_id, at);
CREATE INDEX audit_index_latest ON app.audit_index (tenant_id, latest, position);
CREATE INDEX audit_index_entity ON app.audit_index (tenant_id, entity_id, position);
CREATE INDEX audit_index_project ON app.audit_index (tenant_id, project_id, position) WHERE project_id IS NOT NULL;
CREATE INDEX audit_index_story ON app.audit_index (tenant_id, story_id, position) WHERE story_id IS NOT NULL;
CREATE INDEX audit_index_actor ON app.audit_index (tenant_id, actor_id, position) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_index_type ON app.audit_index (tenant_id, entity_type, position);
CREATE INDEX audit_index_action ON app.audit_index (tenant_id, action, position);
GRANT SELECT, INSERT ON app.audit_index TO loopctl_app;
GRANT SELECT ON app.audit_index TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.audit_index');

CREATE TABLE app.orchestrator_state (
    tenant_id  uuid        NOT NULL,
    state_id   uuid        NOT NULL,
    project_id uuid        NOT NULL,
    state_key  text        NOT NULL,
    state_data text        NOT NULL,
    version    integer     NOT NULL CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    position   bigint      NOT NULL,
    PRIMARY KEY (tenant_id, state_id)
);
CREATE UNIQUE INDEX orchestrator_state_key ON app.orchestrator_state (tenant_id, project_id, state_key);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.orchestrator_state TO loopctl_app;
GRANT SELECT ON app.orchestrator_state TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.orchestrator_state');
