-- The knowledge wiki: articles, and links between them.

CREATE TABLE app.article (
    tenant_id   uuid        NOT NULL,
    article_id  uuid        NOT NULL,
    project_id  uuid,
    story_id    uuid,
    title       text        NOT NULL,
    body        text        NOT NULL,
    category    text        NOT NULL
                CHECK (category IN ('pattern', 'convention', 'decision', 'finding', 'reference')),
    status      text        NOT NULL CHECK (status IN ('draft', 'published', 'archived', 'superseded')),
    slug        text,
    tags        text[]      NOT NULL,
    source_type text,
    source_id   uuid,
    metadata    text        NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    position    bigint      NOT NULL,
    PRIMARY KEY (tenant_id, article_id)
);
CREATE UNIQUE INDEX article_title ON app.article (tenant_id, title) WHERE status IN ('draft', 'published');
CREATE UNIQUE INDEX article_slug ON app.article (tenant_id, slug);
CREATE INDEX article_newest ON app.article (tenant_id, created_at, article_id);
CREATE INDEX article_by_status ON app.article (tenant_id, status, created_at, article_id);
CREATE INDEX article_of_source ON app.article (tenant_id, source_id) WHERE source_id IS NOT NULL;
GRANT SELECT, INSERT, DELETE ON app.article TO loopctl_app;
GRANT SELECT ON app.article TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.article');

CREATE TABLE app.article_link (
    tenant_id         uuid        NOT NULL,
    link_id           uuid        NOT NULL,
    source_article_id uuid        NOT NULL,
    target_article_id uuid        NOT NULL,
    relationship_type text        NOT NULL
                      CHECK (relationship_type IN ('relates_to', 'derived_from', 'contradicts', 'supersedes')),
    metadata          text        NOT NULL,
    created_at        timestamptz NOT NULL,
    position          bigint      NOT NULL,
    PRIMARY KEY (tenant_id, link_id)
);
CREATE INDEX article_link_of_source ON app.article_link (tenant_id, source_article_id);
CREATE INDEX article_link_of_target ON app.article_link (tenant_id, target_article_id);
GRANT SELECT, INSERT, DELETE ON app.article_link TO loopctl_app;
GRANT SELECT ON app.article_link TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.article_link');
