-- Projects, epics, stories, what they wait for, and what is ready. All of it read models: the log can make them again.
-- Each is replaced row by row from a state that its events were folded into, so columns are named like that state's
-- fields (domain/), and free-form JSON is kept as the text that came in.

ALTER TABLE app.project ALTER COLUMN metadata TYPE text USING convert_from(metadata, 'UTF8');
GRANT DELETE ON app.project TO loopctl_app;

CREATE TABLE app.epic (
    tenant_id     uuid        NOT NULL,
    epic_id       uuid        NOT NULL,
    project_id    uuid        NOT NULL,
    number        integer     NOT NULL CHECK (number > 0),
    title         text        NOT NULL,
    description   text,
    phase         text,
    epic_position integer     NOT NULL CHECK (epic_position >= 0),
    metadata      text        NOT NULL,
    completed     boolean     NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    position      bigint      NOT NULL,
    PRIMARY KEY (tenant_id, epic_id)
);
CREATE UNIQUE INDEX epic_number ON app.epic (tenant_id, project_id, number);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.epic TO loopctl_app;
GRANT SELECT ON app.epic TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.epic');

-- How far an epic's stories are. Moved by differences, so that one transition costs one row however large the epic is.
CREATE TABLE app.epic_progress (
    tenant_id     uuid    NOT NULL,
    epic_id       uuid    NOT NULL,
    project_id    uuid    NOT NULL,
    stories       integer NOT NULL CHECK (stories >= 0),
    pending       integer NOT NULL CHECK (pending >= 0),
    contracted    integer NOT NULL CHECK (contracted >= 0),
    assigned      integer NOT NULL CHECK (assigned >= 0),
    implementing  integer NOT NULL CHECK (implementing >= 0),
    reported_done integer NOT NULL CHECK (reported_done >= 0),
    unverified    integer NOT NULL CHECK (unverified >= 0),
    verified      integer NOT NULL CHECK (verified >= 0),
    rejected      integer NOT NULL CHECK (rejected >= 0),
    hours         numeric NOT NULL,
    hours_done    numeric NOT NULL,
    PRIMARY KEY (tenant_id, epic_id)
);
CREATE INDEX epic_progress_project ON app.epic_progress (tenant_id, project_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.epic_progress TO loopctl_app;
GRANT SELECT ON app.epic_progress TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.epic_progress');

CREATE TABLE app.story (
    tenant_id               uuid        NOT NULL,
    story_id                uuid        NOT NULL,
    project_id              uuid        NOT NULL,
    epic_id                 uuid        NOT NULL,
    number                  text        NOT NULL,
    major                   integer     NOT NULL,
    minor                   integer     NOT NULL,
    title                   text        NOT NULL,
    ac_count                integer     NOT NULL,
    criteria_hash           text        NOT NULL,
    estimated_hours         text,
    agent_status            text        NOT NULL CHECK (
        agent_status IN ('pending', 'contracted', 'assigned', 'implementing', 'reported_done')),
    verified_status         text        NOT NULL CHECK (verified_status IN ('unverified', 'verified', 'rejected')),
    assigned_agent_id       uuid,
    assigned_at             timestamptz,
    contracted_by_agent_id  uuid,
    contracted_hash         text,
    implementer_dispatch_id uuid,
    implementer_lineage     uuid[]      NOT NULL,
    verifier_dispatch_id    uuid,
    verifier_needed         boolean     NOT NULL,
    review_requested_at     timestamptz,
    reported_done_at        timestamptz,
    reported_by_agent_id    uuid,
    report_position         bigint,
    review_position         bigint,
    reviewer_agent_id       uuid,
    reviewer_key_id         uuid,
    verified_at             timestamptz,
    verified_position       bigint,
    rejected_at             timestamptz,
    rejection_reason        text,
    iteration_count         integer     NOT NULL,
    revision                integer     NOT NULL,
    touched                 boolean     NOT NULL,
    claim_position          bigint,
    lease_expires_at        timestamptz,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    position                bigint      NOT NULL,
    PRIMARY KEY (tenant_id, story_id),
    -- Custody, once more in the schema (spec 06, section 3.7): nobody reports their own work, work in progress belongs
    -- to somebody, and what is verified says which event of the log confirmed it.
    CONSTRAINT story_reported_by_another CHECK (
        reported_by_agent_id IS NULL OR assigned_agent_id IS NULL OR reported_by_agent_id <> assigned_agent_id),
    CONSTRAINT story_has_implementer CHECK (
        agent_status NOT IN ('assigned', 'implementing') OR assigned_agent_id IS NOT NULL),
    CONSTRAINT story_verified_by_event CHECK (verified_status <> 'verified' OR verified_position IS NOT NULL)
);
CREATE UNIQUE INDEX story_number ON app.story (tenant_id, project_id, number);
CREATE INDEX story_in_project ON app.story (tenant_id, project_id, major, minor, story_id);
CREATE INDEX story_in_epic ON app.story (tenant_id, epic_id, major, minor, story_id);
CREATE INDEX story_lease ON app.story (tenant_id, lease_expires_at) WHERE lease_expires_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON app.story TO loopctl_app;
GRANT SELECT ON app.story TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.story');

-- Long texts stand apart: a transition rewrites its story's row, and must not rewrite pages of criteria with it.
CREATE TABLE app.story_text (
    tenant_id           uuid NOT NULL,
    story_id            uuid NOT NULL,
    description         text,
    acceptance_criteria text NOT NULL,
    metadata            text NOT NULL,
    criteria_checks     text NOT NULL,
    PRIMARY KEY (tenant_id, story_id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.story_text TO loopctl_app;
GRANT SELECT ON app.story_text TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.story_text');

CREATE TABLE app.story_dependency (
    tenant_id       uuid        NOT NULL,
    dependency_id   uuid        NOT NULL,
    project_id      uuid        NOT NULL,
    dependent_id    uuid        NOT NULL,
    prerequisite_id uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    position        bigint      NOT NULL,
    PRIMARY KEY (tenant_id, dependency_id),
    CHECK (dependent_id <> prerequisite_id)
);
CREATE UNIQUE INDEX story_dependency_edge ON app.story_dependency (tenant_id, dependent_id, prerequisite_id);
CREATE INDEX story_dependency_back ON app.story_dependency (tenant_id, prerequisite_id, dependent_id);
CREATE INDEX story_dependency_project ON app.story_dependency (tenant_id, project_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.story_dependency TO loopctl_app;
GRANT SELECT ON app.story_dependency TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.story_dependency');

CREATE TABLE app.epic_dependency (
    tenant_id       uuid        NOT NULL,
    dependency_id   uuid        NOT NULL,
    project_id      uuid        NOT NULL,
    dependent_id    uuid        NOT NULL,
    prerequisite_id uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    position        bigint      NOT NULL,
    PRIMARY KEY (tenant_id, dependency_id),
    CHECK (dependent_id <> prerequisite_id)
);
CREATE UNIQUE INDEX epic_dependency_edge ON app.epic_dependency (tenant_id, dependent_id, prerequisite_id);
CREATE INDEX epic_dependency_back ON app.epic_dependency (tenant_id, prerequisite_id, dependent_id);
CREATE INDEX epic_dependency_project ON app.epic_dependency (tenant_id, project_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.epic_dependency TO loopctl_app;
GRANT SELECT ON app.epic_dependency TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.epic_dependency');

-- Stories that nobody works on yet: pending or contracted, and not verified. waits_for counts the prerequisites that
-- hold one back: stories that are not verified, and epics in which some story is not.
CREATE TABLE app.work_queue (
    tenant_id  uuid    NOT NULL,
    story_id   uuid    NOT NULL,
    project_id uuid    NOT NULL,
    epic_id    uuid    NOT NULL,
    major      integer NOT NULL,
    minor      integer NOT NULL,
    pending    boolean NOT NULL,
    waits_for  integer NOT NULL CHECK (waits_for >= 0),
    PRIMARY KEY (tenant_id, story_id)
);
CREATE INDEX work_queue_ready ON app.work_queue (tenant_id, project_id, major, minor, story_id)
    WHERE pending AND waits_for = 0;
CREATE INDEX work_queue_ready_anywhere ON app.work_queue (tenant_id, major, minor, story_id)
    WHERE pending AND waits_for = 0;
CREATE INDEX work_queue_blocked ON app.work_queue (tenant_id, project_id, major, minor, story_id) WHERE waits_for > 0;
CREATE INDEX work_queue_epic ON app.work_queue (tenant_id, epic_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.work_queue TO loopctl_app;
GRANT SELECT ON app.work_queue TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.work_queue');
