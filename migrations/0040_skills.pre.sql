-- Skills: prompts with versions, and what became of the work that a version was used for.

CREATE TABLE app.skill (
    tenant_id   uuid        NOT NULL,
    skill_id    uuid        NOT NULL,
    project_id  uuid,
    name        text        NOT NULL,
    description text,
    status      text        NOT NULL CHECK (status IN ('active', 'archived')),
    metadata    text        NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    position    bigint      NOT NULL,
    PRIMARY KEY (tenant_id, skill_id)
);
-- No project is one place for names, too.
CREATE UNIQUE INDEX skill_name
    ON app.skill (tenant_id, name, (coalesce(project_id, '00000000-0000-0000-0000-000000000000')));
GRANT SELECT, INSERT, DELETE ON app.skill TO loopctl_app;
GRANT SELECT ON app.skill TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.skill');

CREATE TABLE app.skill_version (
    tenant_id     uuid        NOT NULL,
    version_id    uuid        NOT NULL,
    skill_id      uuid        NOT NULL,
    version       integer     NOT NULL CHECK (version > 0),
    prompt_text   text        NOT NULL,
    sha256        text        NOT NULL,
    changelog     text,
    created_by    text        NOT NULL,
    attributed_to text,
    metadata      text        NOT NULL,
    created_at    timestamptz NOT NULL,
    position      bigint      NOT NULL,
    PRIMARY KEY (tenant_id, version_id)
);
CREATE UNIQUE INDEX skill_version_of_skill ON app.skill_version (tenant_id, skill_id, version);
GRANT SELECT, INSERT, DELETE ON app.skill_version TO loopctl_app;
GRANT SELECT ON app.skill_version TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.skill_version');

-- The figures are those of the metrics that are numbers.
CREATE TABLE app.skill_result (
    tenant_id              uuid        NOT NULL,
    result_id              uuid        NOT NULL,
    skill_id               uuid        NOT NULL,
    skill_version_id       uuid        NOT NULL,
    verification_result_id uuid        NOT NULL,
    story_id               uuid        NOT NULL,
    metrics                text        NOT NULL,
    findings_count         double precision,
    false_positive_count   double precision,
    iteration              double precision,
    created_at             timestamptz NOT NULL,
    position               bigint      NOT NULL,
    PRIMARY KEY (tenant_id, result_id)
);
CREATE INDEX skill_result_of_version ON app.skill_result (tenant_id, skill_version_id, position);
CREATE INDEX skill_result_of_skill ON app.skill_result (tenant_id, skill_id);
CREATE INDEX skill_result_of_story ON app.skill_result (tenant_id, story_id);
GRANT SELECT, INSERT, DELETE ON app.skill_result TO loopctl_app;
GRANT SELECT ON app.skill_result TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.skill_result');
