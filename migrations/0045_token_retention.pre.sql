-- When reports of usage and anomalies of cost went that were older than their tenant keeps them.

CREATE TABLE app.token_data (
    tenant_id          uuid        NOT NULL,
    archival_id        uuid        NOT NULL,
    retention_days     integer     NOT NULL,
    before             timestamptz NOT NULL,
    reports_archived   bigint      NOT NULL,
    anomalies_archived bigint      NOT NULL,
    created_at         timestamptz NOT NULL,
    position           bigint      NOT NULL,
    PRIMARY KEY (tenant_id, archival_id)
);
GRANT SELECT, INSERT, DELETE ON app.token_data TO loopctl_app;
GRANT SELECT ON app.token_data TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.token_data');
