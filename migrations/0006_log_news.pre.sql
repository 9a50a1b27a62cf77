-- Which followers have something to do: the one question that the worker asks about all tenants at once.

CALL app.open_to_lookups('app.log_head');
CALL app.open_to_lookups('app.follower');
GRANT SELECT ON app.follower TO loopctl_fn;

-- Looks at the next `most` logs behind the tenant `after`, in the order of their tenants, and answers which of the named
-- followers are not where the log ends. Work and answer are bounded by `most`, whether there is news or not. A row
-- without a name is the last log that was looked at; without that row there was none.
CREATE FUNCTION app.find_news(names text[], after uuid, most integer)
RETURNS TABLE (tenant_id uuid, name text, next_position bigint, size bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH page AS MATERIALIZED (
        SELECT h.tenant_id, h.size
          FROM app.log_head AS h
         WHERE h.tenant_id > after
         ORDER BY h.tenant_id
         LIMIT most
    ),
    -- One range of the primary key. Joined directly, a plan that does not know `most` reads all places for every page.
    place AS MATERIALIZED (
        SELECT f.tenant_id, f.name, f.next_position
          FROM app.follower AS f
         WHERE f.tenant_id > after AND f.tenant_id <= (SELECT p.tenant_id FROM page AS p ORDER BY p.tenant_id DESC LIMIT 1)
    )
    SELECT p.tenant_id, n.name, coalesce(f.next_position, 0), p.size
      FROM page AS p
     CROSS JOIN unnest(names) AS n (name)
      LEFT JOIN place AS f ON f.tenant_id = p.tenant_id AND f.name = n.name
     WHERE coalesce(f.next_position, 0) <> p.size
     UNION ALL
    (SELECT p.tenant_id, NULL, 0, p.size FROM page AS p ORDER BY p.tenant_id DESC LIMIT 1)
$$;
GRANT EXECUTE ON FUNCTION app.find_news TO loopctl_worker;

GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.find_news OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
