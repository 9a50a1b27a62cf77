-- Which jobs of a CI may post evidence for a project.

CREATE TABLE app.ci_trust (
    tenant_id     uuid        NOT NULL,
    trust_id      uuid        NOT NULL,
    project_id    uuid        NOT NULL,
    issuer        text        NOT NULL,
    repository_id text        NOT NULL,
    owner_id      text,
    workflow      text        NOT NULL,
    ref           text        NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    position      bigint      NOT NULL,
    PRIMARY KEY (tenant_id, trust_id)
);
GRANT SELECT, INSERT, DELETE ON app.ci_trust TO loopctl_app;
GRANT SELECT ON app.ci_trust TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.ci_trust');
