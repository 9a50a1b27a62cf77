-- Stories that somebody should look at, because their figures are those of work that was not done.

CREATE TABLE app.story_flag (
    tenant_id    uuid        NOT NULL,
    story_id     uuid        NOT NULL,
    project_id   uuid        NOT NULL,
    iteration    integer     NOT NULL,
    lazy_score   integer     NOT NULL,
    lazy_factors text        NOT NULL,
    flags        text[]      NOT NULL,
    flagged_at   timestamptz NOT NULL,
    position     bigint      NOT NULL,
    PRIMARY KEY (tenant_id, story_id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.story_flag TO loopctl_app;
GRANT SELECT ON app.story_flag TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.story_flag');

ALTER TABLE app.cost_watch ADD COLUMN behaviour_at timestamptz;
