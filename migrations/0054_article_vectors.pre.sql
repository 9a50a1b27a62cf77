-- Semantic search: vectors of published articles, and which of them are still to be made. Both follow from the articles
-- and are in no log: they can be thrown away and made again.

-- With the extension in pg_catalog its type, which is compared fastest; without it an array, which casts to the same.
-- A vector stays in its row, so that a search reads rows one after the other.
DO $$
BEGIN
    EXECUTE format(
        'CREATE TABLE app.article_vector (
             tenant_id   uuid        NOT NULL,
             article_id  uuid        NOT NULL,
             model       text        NOT NULL,
             text_hash   bytea       NOT NULL,
             embedding   %s          NOT NULL,
             embedded_at timestamptz NOT NULL DEFAULT now(),
             PRIMARY KEY (tenant_id, article_id)
         ) WITH (toast_tuple_target = 8160)',
        CASE WHEN to_regtype('pg_catalog.vector') IS NULL THEN 'real[]' ELSE 'pg_catalog.vector' END);
END
$$;
ALTER TABLE app.article_vector ALTER COLUMN embedding SET STORAGE MAIN;
CREATE INDEX article_vector_of_model ON app.article_vector (tenant_id, model);
GRANT SELECT, DELETE ON app.article_vector TO loopctl_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON app.article_vector TO loopctl_worker;
GRANT SELECT ON app.article_vector TO loopctl_audit_ro;
CALL app.secure_tenant_table('app.article_vector');

CREATE TABLE app.article_to_embed (
    tenant_id  uuid        NOT NULL,
    article_id uuid        NOT NULL,
    queued_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at     timestamptz NOT NULL DEFAULT now(),
    attempts   integer     NOT NULL DEFAULT 0,
    error      text,
    PRIMARY KEY (tenant_id, article_id)
);
CREATE INDEX article_to_embed_due ON app.article_to_embed (tenant_id, due_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.article_to_embed TO loopctl_app, loopctl_worker;
GRANT SELECT ON app.article_to_embed TO loopctl_audit_ro;
CALL app.secure_tenant_table('app.article_to_embed');

-- By a trigger, so that no way of publishing forgets it. Nobody waits for a provider: what is written here is a row.
CREATE FUNCTION app.want_vectors() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM fresh AS f WHERE f.status = 'published') THEN
        INSERT INTO app.article_to_embed AS q (tenant_id, article_id)
        SELECT f.tenant_id, f.article_id
          FROM fresh AS f
         WHERE f.status = 'published'
            ON CONFLICT (tenant_id, article_id) DO UPDATE
           SET queued_at = clock_timestamp(), due_at = now(), attempts = 0, error = NULL;
    END IF;
    IF EXISTS (SELECT FROM fresh AS f WHERE f.status <> 'published') THEN
        DELETE FROM app.article_to_embed AS q
         USING fresh AS f
         WHERE q.tenant_id = f.tenant_id AND q.article_id = f.article_id AND f.status <> 'published';
        DELETE FROM app.article_vector AS v
         USING fresh AS f
         WHERE v.tenant_id = f.tenant_id AND v.article_id = f.article_id AND f.status <> 'published';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER want_vectors AFTER INSERT ON app.article
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION app.want_vectors();

CALL app.open_to_lookups('app.article_to_embed');
GRANT SELECT (tenant_id, due_at) ON app.article_to_embed TO loopctl_fn;

-- Tenants of which something is due, from one to the next by the index.
CREATE FUNCTION app.tenants_to_embed(most integer)
RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE waiting AS (
        (SELECT q.tenant_id
           FROM app.article_to_embed AS q
          WHERE q.due_at <= now()
          ORDER BY q.tenant_id
          LIMIT 1)
         UNION ALL
        SELECT n.tenant_id
          FROM waiting AS w
         CROSS JOIN LATERAL (
               SELECT q.tenant_id
                 FROM app.article_to_embed AS q
                WHERE q.tenant_id > w.tenant_id AND q.due_at <= now()
                ORDER BY q.tenant_id
                LIMIT 1) AS n
    )
    SELECT w.tenant_id
      FROM waiting AS w
     LIMIT most
$$;
REVOKE ALL ON FUNCTION app.tenants_to_embed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.tenants_to_embed TO loopctl_worker;
GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.tenants_to_embed OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
