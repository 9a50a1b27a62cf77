-- Token usage as it is measured (OTLP), apart from what agents report themselves.

CREATE TABLE app.metered_usage (
    tenant_id          uuid        NOT NULL,
    metered_id         uuid        NOT NULL,
    project_id         uuid,
    epic_id            uuid,
    story_id           uuid,
    agent_id           uuid,
    signal             text        NOT NULL CHECK (signal IN ('metrics', 'spans')),
    model_name         text        NOT NULL,
    session_id         text,
    input_tokens       bigint      NOT NULL,
    cache_read_tokens  bigint      NOT NULL,
    cache_write_tokens bigint      NOT NULL,
    output_tokens      bigint      NOT NULL,
    cost_millicents    bigint      NOT NULL,
    cost_source        text        NOT NULL,
    created_at         timestamptz NOT NULL,
    position           bigint      NOT NULL,
    PRIMARY KEY (tenant_id, metered_id)
);
CREATE INDEX metered_usage_of_story ON app.metered_usage (tenant_id, story_id) WHERE story_id IS NOT NULL;
CREATE INDEX metered_usage_of_project ON app.metered_usage (tenant_id, project_id) WHERE project_id IS NOT NULL;
CREATE INDEX metered_usage_of_agent ON app.metered_usage (tenant_id, agent_id) WHERE agent_id IS NOT NULL;
GRANT SELECT, INSERT, DELETE ON app.metered_usage TO loopctl_app;
GRANT SELECT ON app.metered_usage TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.metered_usage');

-- How far each series that is told as a running total has come.
CREATE TABLE app.metered_mark (
    tenant_id uuid   NOT NULL,
    series    uuid   NOT NULL,
    start     bigint NOT NULL,
    at        bigint NOT NULL,
    value     bigint NOT NULL,
    PRIMARY KEY (tenant_id, series)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.metered_mark TO loopctl_app;
GRANT SELECT ON app.metered_mark TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.metered_mark');
