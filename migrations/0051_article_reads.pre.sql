-- Which articles are read, by whom, and for which work. No event tells of it: who reads changes nothing.

CREATE TABLE app.article_access (
    tenant_id   uuid        NOT NULL,
    access_id   uuid        NOT NULL,
    article_id  uuid        NOT NULL,
    key_id      uuid        NOT NULL,
    project_id  uuid,
    story_id    uuid,
    access_type text        NOT NULL CHECK (access_type IN ('search', 'get', 'context', 'index')),
    query       text,
    mode        text,
    rank        integer,
    accessed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, access_id)
);
CREATE INDEX article_access_of_article ON app.article_access (tenant_id, article_id, accessed_at);
CREATE INDEX article_access_newest ON app.article_access (tenant_id, accessed_at);
GRANT SELECT, INSERT ON app.article_access TO loopctl_app;
GRANT SELECT ON app.article_access TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.article_access');
