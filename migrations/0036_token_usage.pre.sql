-- What work costs: one row for each report, and what the reports of a story, an epic, a project and an agent come to.

CREATE TABLE app.token_usage_report (
    tenant_id           uuid        NOT NULL,
    report_id           uuid        NOT NULL,
    project_id          uuid        NOT NULL,
    epic_id             uuid,
    story_id            uuid        NOT NULL,
    agent_id            uuid,
    model_name          text        NOT NULL,
    phase               text        NOT NULL CHECK (phase IN ('planning', 'implementing', 'reviewing', 'other')),
    input_tokens        bigint      NOT NULL,
    cache_read_tokens   bigint      NOT NULL,
    cache_write_tokens  bigint      NOT NULL,
    output_tokens       bigint      NOT NULL,
    reasoning_tokens    bigint,
    cost_millicents     bigint      NOT NULL,
    cost_source         text        NOT NULL CHECK (cost_source IN ('reported', 'computed', 'unpriced')),
    expected_millicents bigint,
    session_id          text,
    skill_version_id    uuid,
    metadata            text        NOT NULL,
    tool_call_count     bigint,
    cot_length_tokens   bigint,
    tests_run_count     bigint,
    attempt             integer     NOT NULL,
    relation            text,
    corrects_report_id  uuid,
    deleted_at          timestamptz,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    position            bigint      NOT NULL,
    PRIMARY KEY (tenant_id, report_id)
);
CREATE INDEX token_usage_of_story ON app.token_usage_report (tenant_id, story_id, created_at);
CREATE INDEX token_usage_of_project ON app.token_usage_report (tenant_id, project_id, created_at);
CREATE INDEX token_usage_by_time ON app.token_usage_report (tenant_id, created_at);
CREATE INDEX token_usage_corrections ON app.token_usage_report (tenant_id, corrects_report_id)
 WHERE corrects_report_id IS NOT NULL;
CREATE INDEX token_usage_of_skill ON app.token_usage_report (tenant_id, skill_version_id)
 WHERE skill_version_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON app.token_usage_report TO loopctl_app;
GRANT SELECT ON app.token_usage_report TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.token_usage_report');

CREATE TABLE app.usage_spend (
    tenant_id          uuid   NOT NULL,
    scope_type         text   NOT NULL,
    scope_id           uuid   NOT NULL,
    input_tokens       bigint NOT NULL,
    cache_read_tokens  bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    output_tokens      bigint NOT NULL,
    cost_millicents    bigint NOT NULL,
    report_count       bigint NOT NULL,
    unpriced_count     bigint NOT NULL,
    mismatch_count     bigint NOT NULL,
    PRIMARY KEY (tenant_id, scope_type, scope_id)
) WITH (fillfactor = 80);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.usage_spend TO loopctl_app;
GRANT SELECT ON app.usage_spend TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.usage_spend');
