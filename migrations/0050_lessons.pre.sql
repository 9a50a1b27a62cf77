-- What became of each review in the knowledge wiki. Nobody reads it to decide what is true: the articles are in the log.

CREATE TABLE app.review_lesson (
    tenant_id   uuid        NOT NULL,
    review_id   uuid        NOT NULL,
    position    bigint      NOT NULL,
    state       text        NOT NULL CHECK (state IN ('learned', 'nothing', 'switched_off', 'failed')),
    drafts      integer     NOT NULL CHECK (drafts >= 0),
    error       text,
    finished_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, review_id)
);
CREATE INDEX review_lesson_newest ON app.review_lesson (tenant_id, position);
GRANT SELECT, INSERT ON app.review_lesson TO loopctl_app;
GRANT SELECT ON app.review_lesson TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.review_lesson');

CREATE INDEX review_newest ON app.review (tenant_id, position);
