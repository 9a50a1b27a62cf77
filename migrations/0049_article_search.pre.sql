-- Keyword search over published articles.

-- Narrow, and without the drafts, which nobody searches: what is looked through is as small as can be. It is made of
-- app.article and of nothing else, so it is in no rebuild and in no digest; the words of a language change with
-- PostgreSQL, and no log is wrong because of it. Words are packed only where they would not fit into a page: unpacking
-- is most of the cost of ranking.
CREATE TABLE app.article_search (
    tenant_id  uuid        NOT NULL,
    article_id uuid        NOT NULL,
    project_id uuid,
    category   text        NOT NULL,
    tags       text[]      NOT NULL,
    updated_at timestamptz NOT NULL,
    words      tsvector    NOT NULL,
    PRIMARY KEY (tenant_id, article_id)
) WITH (toast_tuple_target = 8160);
-- The tenant first, in the one form that GIN has for it: other tenants' articles are not even looked at. The pending
-- list is short, because every search reads it through.
CREATE INDEX article_words ON app.article_search USING gin ((ARRAY[tenant_id]), words)
  WITH (gin_pending_list_limit = 256);
GRANT SELECT, INSERT, DELETE ON app.article_search TO loopctl_app;
GRANT SELECT ON app.article_search TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.article_search');

CREATE INDEX article_published ON app.article (tenant_id, category, updated_at DESC, article_id DESC)
 WHERE status = 'published';

-- By a trigger, so that no way of writing an article forgets it, an erasure and a rebuild included.
CREATE FUNCTION app.forget_words() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM app.article_search AS s
     USING gone
     WHERE s.tenant_id = gone.tenant_id AND s.article_id = gone.article_id AND gone.status = 'published';
    RETURN NULL;
END
$$;

CREATE FUNCTION app.remember_words() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO app.article_search (tenant_id, article_id, project_id, category, tags, updated_at, words)
    SELECT f.tenant_id, f.article_id, f.project_id, f.category, f.tags, f.updated_at,
           setweight(to_tsvector('pg_catalog.english', f.title), 'A')
           || setweight(to_tsvector('pg_catalog.english', f.body), 'B')
      FROM fresh AS f
     WHERE f.status = 'published';
    RETURN NULL;
END
$$;

CREATE TRIGGER forget_words AFTER DELETE ON app.article
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION app.forget_words();
CREATE TRIGGER remember_words AFTER INSERT ON app.article
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION app.remember_words();

-- Which articles of a tenant have the words, the best first, and how many there are. It runs as loopctl_fn, because
-- under row security no index serves @@, which may leak; it reads no texts, and whoever calls it reads what it names
-- under row security again. Of more than `most` that match, the `most` that changed last are ranked.
CALL app.open_to_lookups('app.article_search');
GRANT SELECT ON app.article_search TO loopctl_fn;
CREATE FUNCTION app.search_articles(
    tenant uuid, wanted text, wanted_project uuid, wide boolean, wanted_category text, wanted_tags text[],
    most integer, shown integer)
RETURNS TABLE (article_id uuid, score real, total bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    asked CONSTANT tsquery := websearch_to_tsquery('pg_catalog.english', wanted);
BEGIN
    IF numnode(asked) = 0 THEN
        RETURN;
    END IF;
    RETURN QUERY
      WITH found AS MATERIALIZED (
            SELECT s.article_id, s.updated_at
              FROM app.article_search AS s
             WHERE ARRAY[s.tenant_id] @> ARRAY[tenant]
               AND s.tenant_id = tenant
               AND s.tenant_id = (SELECT app.tid())
               AND s.words @@ asked
               AND (wanted_project IS NULL OR s.project_id = wanted_project OR wide AND s.project_id IS NULL)
               AND (wanted_category IS NULL OR s.category = wanted_category)
               AND (wanted_tags IS NULL OR s.tags && wanted_tags)),
           newest AS (SELECT f.article_id FROM found AS f ORDER BY f.updated_at DESC, f.article_id LIMIT most),
           ranked AS (
            SELECT w.article_id, ts_rank_cd(w.words, asked) AS score, w.updated_at
              FROM newest AS n
              JOIN app.article_search AS w ON w.tenant_id = tenant AND w.article_id = n.article_id)
    SELECT r.article_id, r.score, (SELECT count(*) FROM found)
      FROM ranked AS r
     ORDER BY r.score DESC, r.updated_at DESC, r.article_id
     LIMIT shown;
END
$$;
GRANT EXECUTE ON FUNCTION app.search_articles TO loopctl_app;

GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.search_articles OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
