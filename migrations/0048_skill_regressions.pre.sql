-- Versions of skills of which it was said that they cost far more than the ones before them.

CREATE TABLE app.skill_regression (
    tenant_id   uuid        NOT NULL,
    version_id  uuid        NOT NULL,
    skill_id    uuid        NOT NULL,
    version     integer     NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('cost', 'tokens', 'both')),
    detected_at timestamptz NOT NULL,
    position    bigint      NOT NULL,
    PRIMARY KEY (tenant_id, version_id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.skill_regression TO loopctl_app;
GRANT SELECT ON app.skill_regression TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.skill_regression');
