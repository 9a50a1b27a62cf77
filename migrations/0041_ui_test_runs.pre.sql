-- UI test runs of a project, and a row for each finding of one.

CREATE TABLE app.ui_test_run (
    tenant_id           uuid        NOT NULL,
    run_id              uuid        NOT NULL,
    project_id          uuid        NOT NULL,
    status              text        NOT NULL CHECK (status IN ('in_progress', 'passed', 'failed', 'cancelled')),
    guide_reference     text,
    notes               text,
    summary             text,
    started_by_agent_id uuid,
    findings_count      integer     NOT NULL CHECK (findings_count >= 0),
    screenshots_count   integer     NOT NULL CHECK (screenshots_count >= 0),
    critical_count      integer     NOT NULL CHECK (critical_count >= 0),
    high_count          integer     NOT NULL CHECK (high_count >= 0),
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    completed_at        timestamptz,
    position            bigint      NOT NULL,
    PRIMARY KEY (tenant_id, run_id)
);
CREATE INDEX ui_test_run_of_project ON app.ui_test_run (tenant_id, project_id, created_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.ui_test_run TO loopctl_app;
GRANT SELECT ON app.ui_test_run TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.ui_test_run');

CREATE TABLE app.ui_test_finding (
    tenant_id            uuid        NOT NULL,
    finding_id           uuid        NOT NULL,
    run_id               uuid        NOT NULL,
    severity             text        NOT NULL,
    title                text,
    steps                text,
    expected             text,
    actual               text,
    step                 text,
    type                 text,
    description          text,
    screenshot_path      text,
    console_errors       text,
    recorded_by_agent_id uuid,
    recorded_at          timestamptz NOT NULL,
    position             bigint      NOT NULL,
    PRIMARY KEY (tenant_id, finding_id)
);
CREATE INDEX ui_test_finding_of_run ON app.ui_test_finding (tenant_id, run_id, position);
GRANT SELECT, INSERT, DELETE ON app.ui_test_finding TO loopctl_app;
GRANT SELECT ON app.ui_test_finding TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.ui_test_finding');
