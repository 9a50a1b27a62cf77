-- What was said and judged in the course of a story: reviews, verification results, artifacts. Read models; each row is
-- one event, and goes with its story.

CREATE TABLE app.review (
    tenant_id         uuid        NOT NULL,
    review_id         uuid        NOT NULL,
    story_id          uuid        NOT NULL,
    reviewer_agent_id uuid,
    reviewer_key_id   uuid        NOT NULL,
    review_type       text        NOT NULL,
    findings_count    integer     NOT NULL CHECK (findings_count >= 0),
    fixes_count       integer     NOT NULL CHECK (fixes_count >= 0),
    disproved_count   integer     NOT NULL CHECK (disproved_count >= 0),
    summary           text,
    completed_at      timestamptz NOT NULL,
    report_position   bigint      NOT NULL,
    created_at        timestamptz NOT NULL,
    position          bigint      NOT NULL,
    PRIMARY KEY (tenant_id, review_id),
    CHECK (fixes_count + disproved_count = findings_count)
);
CREATE INDEX review_of_story ON app.review (tenant_id, story_id, position);
GRANT SELECT, INSERT, DELETE ON app.review TO loopctl_app;
GRANT SELECT ON app.review TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.review');

CREATE TABLE app.verification (
    tenant_id             uuid        NOT NULL,
    verification_id       uuid        NOT NULL,
    story_id              uuid        NOT NULL,
    orchestrator_agent_id uuid        NOT NULL,
    result                text        NOT NULL CHECK (result IN ('pass', 'partial', 'fail')),
    summary               text        NOT NULL,
    findings              text        NOT NULL,
    review_type           text,
    iteration             integer     NOT NULL CHECK (iteration > 0),
    created_at            timestamptz NOT NULL,
    position              bigint      NOT NULL,
    PRIMARY KEY (tenant_id, verification_id)
);
-- One result for each round of a story, whoever judged at the same time.
CREATE UNIQUE INDEX verification_of_story ON app.verification (tenant_id, story_id, iteration);
GRANT SELECT, INSERT, DELETE ON app.verification TO loopctl_app;
GRANT SELECT ON app.verification TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.verification');

CREATE TABLE app.artifact (
    tenant_id         uuid        NOT NULL,
    artifact_id       uuid        NOT NULL,
    story_id          uuid        NOT NULL,
    artifact_type     text        NOT NULL,
    path              text        NOT NULL,
    "exists"          boolean     NOT NULL,
    details           text        NOT NULL,
    reported_by       text        NOT NULL CHECK (reported_by IN ('agent', 'orchestrator')),
    reporter_agent_id uuid,
    created_at        timestamptz NOT NULL,
    position          bigint      NOT NULL,
    PRIMARY KEY (tenant_id, artifact_id)
);
CREATE INDEX artifact_of_story ON app.artifact (tenant_id, story_id, position);
GRANT SELECT, INSERT, DELETE ON app.artifact TO loopctl_app;
GRANT SELECT ON app.artifact TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.artifact');
