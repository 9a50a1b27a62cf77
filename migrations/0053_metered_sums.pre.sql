-- What was measured, added up for each story, epic, project and agent, so that no look at costs reads each export again;
-- what coding agents tell in their logs, beside metrics and spans; and stories of which more was measured than reported.

CREATE TABLE app.metered_spend (
    tenant_id          uuid   NOT NULL,
    scope_type         text   NOT NULL,
    scope_id           uuid   NOT NULL,
    signal             text   NOT NULL,
    input_tokens       bigint NOT NULL,
    cache_read_tokens  bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    output_tokens      bigint NOT NULL,
    cost_millicents    bigint NOT NULL,
    export_count       bigint NOT NULL,
    unpriced_count     bigint NOT NULL,
    PRIMARY KEY (tenant_id, scope_type, scope_id, signal)
) WITH (fillfactor = 80);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.metered_spend TO loopctl_app;
GRANT SELECT ON app.metered_spend TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.metered_spend');

ALTER TABLE app.metered_usage DROP CONSTRAINT metered_usage_signal_check;
ALTER TABLE app.metered_usage ADD CONSTRAINT metered_usage_signal_check
      CHECK (signal IN ('metrics', 'spans', 'logs'));
CREATE INDEX metered_usage_by_time ON app.metered_usage (tenant_id, created_at);

ALTER TABLE app.cost_anomaly ADD COLUMN reported_tokens bigint, ADD COLUMN metered_tokens bigint;
ALTER TABLE app.cost_anomaly DROP CONSTRAINT cost_anomaly_anomaly_type_check;
ALTER TABLE app.cost_anomaly ADD CONSTRAINT cost_anomaly_anomaly_type_check
      CHECK (anomaly_type IN ('high_cost', 'suspiciously_low', 'budget_exceeded', 'underreported'));
