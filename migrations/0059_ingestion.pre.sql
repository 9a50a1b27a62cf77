-- Reading in what is elsewhere: what was asked for, as its events leave it, and how the worker is getting on with it.

CREATE TABLE app.ingestion (
    tenant_id     uuid        NOT NULL,
    ingestion_id  uuid        NOT NULL,
    project_id    uuid,
    source_type   text        NOT NULL,
    url           text,
    content       text        NOT NULL,
    content_hash  text        NOT NULL,
    dedupe        text        NOT NULL,
    state         text        NOT NULL CHECK (state IN ('queued', 'completed', 'discarded')),
    error         text,
    article_count integer     NOT NULL,
    requested_at  timestamptz NOT NULL,
    finished_at   timestamptz,
    position      bigint      NOT NULL,
    PRIMARY KEY (tenant_id, ingestion_id)
);
CREATE INDEX ingestion_of_source ON app.ingestion (tenant_id, dedupe, requested_at);
CREATE INDEX ingestion_newest ON app.ingestion (tenant_id, requested_at);
CREATE INDEX ingestion_queued ON app.ingestion (tenant_id, requested_at) WHERE state = 'queued';
GRANT SELECT, INSERT, DELETE ON app.ingestion TO loopctl_app;
GRANT SELECT ON app.ingestion TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.ingestion');

-- In no event: who works on it, until when, and what went wrong. ``noted``: the API has what it needs to finish it.
CREATE TABLE app.ingestion_attempt (
    tenant_id    uuid        NOT NULL,
    ingestion_id uuid        NOT NULL,
    attempts     integer     NOT NULL,
    due_at       timestamptz NOT NULL,
    attempted_at timestamptz NOT NULL,
    error        text,
    noted        boolean     NOT NULL DEFAULT FALSE,
    PRIMARY KEY (tenant_id, ingestion_id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.ingestion_attempt TO loopctl_worker;
GRANT SELECT ON app.ingestion_attempt TO loopctl_app, loopctl_audit_ro;
CALL app.secure_tenant_table('app.ingestion_attempt');

CALL app.open_to_lookups('app.ingestion');
GRANT SELECT (tenant_id, state) ON app.ingestion TO loopctl_fn;

-- Tenants that wait for something to be read in, from one to the next by the index.
CREATE FUNCTION app.tenants_ingesting(most integer)
RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE waiting AS (
        (SELECT i.tenant_id
           FROM app.ingestion AS i
          WHERE i.state = 'queued'
          ORDER BY i.tenant_id
          LIMIT 1)
         UNION ALL
        SELECT n.tenant_id
          FROM waiting AS w
         CROSS JOIN LATERAL (
               SELECT i.tenant_id
                 FROM app.ingestion AS i
                WHERE i.tenant_id > w.tenant_id AND i.state = 'queued'
                ORDER BY i.tenant_id
                LIMIT 1) AS n
    )
    SELECT w.tenant_id
      FROM waiting AS w
     LIMIT most
$$;
REVOKE ALL ON FUNCTION app.tenants_ingesting FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.tenants_ingesting TO loopctl_worker;
GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.tenants_ingesting OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
