-- What reports come to by project, agent, model and phase, so that a ranking reads some hundred rows and not a million.
-- An empty model is all models and phases of the agent; the agent 0 is everybody.

CREATE TABLE app.usage_slice (
    tenant_id          uuid   NOT NULL,
    project_id         uuid   NOT NULL,
    agent_id           uuid   NOT NULL,
    model_name         text   NOT NULL,
    phase              text   NOT NULL,
    story_count        bigint NOT NULL,
    input_tokens       bigint NOT NULL,
    cache_read_tokens  bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    output_tokens      bigint NOT NULL,
    cost_millicents    bigint NOT NULL,
    report_count       bigint NOT NULL,
    unpriced_count     bigint NOT NULL,
    mismatch_count     bigint NOT NULL,
    PRIMARY KEY (tenant_id, project_id, agent_id, model_name, phase)
) WITH (fillfactor = 80);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.usage_slice TO loopctl_app;
GRANT SELECT ON app.usage_slice TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.usage_slice');
