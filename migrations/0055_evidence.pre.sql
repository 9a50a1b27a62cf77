-- Evidence of tests, as a CI or somebody with a key tells of it: counts and a hash, one row for each.

CREATE TABLE app.evidence (
    tenant_id         uuid        NOT NULL,
    evidence_id       uuid        NOT NULL,
    story_id          uuid        NOT NULL,
    project_id        uuid        NOT NULL,
    source            text        NOT NULL CHECK (source IN ('key', 'ci')),
    form              text        NOT NULL CHECK (form IN ('junit', 'in_toto')),
    sha256            text        NOT NULL,
    size              bigint      NOT NULL,
    commit_sha        text        NOT NULL,
    run_url           text,
    status            text        NOT NULL CHECK (status IN ('pass', 'fail')),
    tests             integer     NOT NULL,
    passed            integer     NOT NULL,
    failed            integer     NOT NULL,
    errors            integer     NOT NULL,
    skipped           integer     NOT NULL,
    executed_before   integer,
    flags             text[]      NOT NULL,
    criteria          text        NOT NULL,
    failed_tests      text[]      NOT NULL,
    signatures        integer     NOT NULL,
    reporter_agent_id uuid,
    reporter_key_id   uuid,
    issuer            text,
    repository        text,
    repository_id     text,
    ref               text,
    workflow          text,
    run_id            text,
    jti          text,
    claim_position    bigint,
    iteration         integer     NOT NULL,
    -- False once the checks of the story's criteria were changed after it.
    current           boolean     NOT NULL,
    created_at        timestamptz NOT NULL,
    position          bigint      NOT NULL,
    PRIMARY KEY (tenant_id, evidence_id)
);
CREATE INDEX evidence_of_story ON app.evidence (tenant_id, story_id, position);
CREATE INDEX evidence_of_project ON app.evidence (tenant_id, project_id, position);
CREATE INDEX evidence_of_token ON app.evidence (tenant_id, story_id, jti) WHERE jti IS NOT NULL;
GRANT SELECT, INSERT, UPDATE (current), DELETE ON app.evidence TO loopctl_app;
GRANT SELECT ON app.evidence TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.evidence');
