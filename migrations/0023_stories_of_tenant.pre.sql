-- A page of the stories of a project, of an epic, of both, or of the whole tenant: then one project after the other, which
-- is the order of an index. NULL filters nothing. After them comes a row without a story, with the number of those on
-- all pages: counted only when the page does not show it, and of one status taken from the progress. As in migration
-- 0020 otherwise, which says how plans are held to their index.
CREATE OR REPLACE FUNCTION app.list_stories(
    tenant uuid,
    in_project uuid,
    in_epic uuid,
    numbered text,
    agent_is text,
    verified_is text,
    most integer,
    skipped integer
) RETURNS TABLE (story_id uuid, version text, total bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    found bigint;
    everything bigint;
BEGIN
    PERFORM app.bind_tenant(tenant);
    IF numbered IS NOT NULL AND in_project IS NULL THEN
        RETURN QUERY
        SELECT s.story_id, concat_ws('.', s.position, s.xmin), NULL::bigint
          FROM (SELECT o.project_id
                  FROM app.project AS o
                 WHERE o.tenant_id = tenant
                 ORDER BY o.project_id
                OFFSET 0) AS p
         CROSS JOIN LATERAL (
               SELECT o.*, o.xmin
                 FROM app.story AS o
                WHERE o.tenant_id = tenant AND o.project_id = p.project_id AND o.number BETWEEN numbered AND numbered
                ORDER BY o.number
                LIMIT 1) AS s
         WHERE (agent_is IS NULL OR s.agent_status = agent_is)
           AND (verified_is IS NULL OR s.verified_status = verified_is)
           AND (in_epic IS NULL OR s.epic_id = in_epic)
         ORDER BY p.project_id
         LIMIT most OFFSET skipped;
    ELSIF numbered IS NOT NULL THEN
        RETURN QUERY
        SELECT s.story_id, concat_ws('.', s.position, s.xmin), NULL::bigint
          FROM app.story AS s
         WHERE s.tenant_id = tenant AND s.project_id = in_project AND s.number BETWEEN numbered AND numbered
           AND (agent_is IS NULL OR s.agent_status = agent_is)
           AND (verified_is IS NULL OR s.verified_status = verified_is)
           AND (in_epic IS NULL OR s.epic_id = in_epic)
         ORDER BY s.number
         LIMIT most OFFSET skipped;
    ELSIF in_epic IS NOT NULL THEN
        RETURN QUERY
        SELECT s.story_id, concat_ws('.', s.position, s.xmin), NULL::bigint
          FROM app.story AS s
         WHERE s.tenant_id = tenant AND s.epic_id = in_epic
           AND (agent_is IS NULL OR s.agent_status = agent_is)
           AND (verified_is IS NULL OR s.verified_status = verified_is)
           AND (in_project IS NULL OR s.project_id = in_project)
         ORDER BY s.major, s.minor, s.story_id
         LIMIT most OFFSET skipped;
    ELSIF in_project IS NULL THEN
        RETURN QUERY
        SELECT s.story_id, concat_ws('.', s.position, s.xmin), NULL::bigint
          FROM app.story AS s
         WHERE s.tenant_id = tenant
           AND (agent_is IS NULL OR s.agent_status = agent_is)
           AND (verified_is IS NULL OR s.verified_status = verified_is)
         ORDER BY s.project_id, s.major, s.minor, s.story_id
         LIMIT most OFFSET skipped;
    ELSE
        RETURN QUERY
        SELECT s.story_id, concat_ws('.', s.position, s.xmin), NULL::bigint
          FROM app.story AS s
         WHERE s.tenant_id = tenant AND s.project_id = in_project
           AND (agent_is IS NULL OR s.agent_status = agent_is)
           AND (verified_is IS NULL OR s.verified_status = verified_is)
         ORDER BY s.major, s.minor, s.story_id
         LIMIT most OFFSET skipped;
    END IF;
    GET DIAGNOSTICS found = ROW_COUNT;

    IF skipped = 0 AND found < most THEN
        everything := found;
    ELSIF numbered IS NOT NULL AND in_project IS NULL THEN
        SELECT count(*) INTO everything
          FROM (SELECT o.project_id
                  FROM app.project AS o
                 WHERE o.tenant_id = tenant
                 ORDER BY o.project_id
                OFFSET 0) AS p
         CROSS JOIN LATERAL (
               SELECT o.agent_status, o.verified_status, o.epic_id
                 FROM app.story AS o
                WHERE o.tenant_id = tenant AND o.project_id = p.project_id AND o.number BETWEEN numbered AND numbered
                ORDER BY o.number
                LIMIT 1) AS s
         WHERE (agent_is IS NULL OR s.agent_status = agent_is)
           AND (verified_is IS NULL OR s.verified_status = verified_is)
           AND (in_epic IS NULL OR s.epic_id = in_epic);
    ELSIF numbered IS NOT NULL THEN
        SELECT count(*) INTO everything
          FROM (SELECT s.agent_status, s.verified_status, s.epic_id
                  FROM app.story AS s
                 WHERE s.tenant_id = tenant AND s.project_id = in_project AND s.number BETWEEN numbered AND numbered
                 ORDER BY s.number
                OFFSET 0) AS o
         WHERE (agent_is IS NULL OR o.agent_status = agent_is)
           AND (verified_is IS NULL OR o.verified_status = verified_is)
           AND (in_epic IS NULL OR o.epic_id = in_epic);
    ELSIF agent_is IS NOT NULL AND verified_is IS NOT NULL AND in_epic IS NOT NULL THEN
        SELECT count(*) INTO everything
          FROM (SELECT s.agent_status, s.verified_status, s.project_id
                  FROM app.story AS s
                 WHERE s.tenant_id = tenant AND s.epic_id BETWEEN in_epic AND in_epic
                 ORDER BY s.epic_id
                OFFSET 0) AS o
         WHERE o.agent_status = agent_is AND o.verified_status = verified_is
           AND (in_project IS NULL OR o.project_id = in_project);
    ELSIF agent_is IS NOT NULL AND verified_is IS NOT NULL AND in_project IS NULL THEN
        SELECT count(*) INTO everything
          FROM (SELECT s.agent_status, s.verified_status
                  FROM app.story AS s
                 WHERE s.tenant_id = tenant
                 ORDER BY s.project_id, s.major, s.minor, s.story_id
                OFFSET 0) AS o
         WHERE o.agent_status = agent_is AND o.verified_status = verified_is;
    ELSIF agent_is IS NOT NULL AND verified_is IS NOT NULL THEN
        SELECT count(*) INTO everything
          FROM (SELECT s.agent_status, s.verified_status
                  FROM app.story AS s
                 WHERE s.tenant_id = tenant AND s.project_id BETWEEN in_project AND in_project
                 ORDER BY s.project_id
                OFFSET 0) AS o
         WHERE o.agent_status = agent_is AND o.verified_status = verified_is;
    ELSE
        SELECT sum(CASE coalesce(agent_is, verified_is)
                   WHEN 'pending' THEN p.pending
                   WHEN 'contracted' THEN p.contracted
                   WHEN 'assigned' THEN p.assigned
                   WHEN 'implementing' THEN p.implementing
                   WHEN 'reported_done' THEN p.reported_done
                   WHEN 'unverified' THEN p.unverified
                   WHEN 'verified' THEN p.verified
                   WHEN 'rejected' THEN p.rejected
                   ELSE p.stories END) INTO everything
          FROM (SELECT *
                  FROM (SELECT *
                          FROM app.epic_progress AS o
                         WHERE o.tenant_id = tenant AND o.epic_id BETWEEN in_epic AND in_epic
                         ORDER BY o.epic_id
                         LIMIT 1) AS one
                 WHERE in_project IS NULL OR one.project_id = in_project
                 UNION ALL
                SELECT *
                  FROM (SELECT *
                          FROM app.epic_progress AS o
                         WHERE o.tenant_id = tenant AND o.project_id BETWEEN in_project AND in_project
                         ORDER BY o.project_id
                        OFFSET 0) AS all_of_project
                 WHERE in_epic IS NULL
                 UNION ALL
                SELECT *
                  FROM (SELECT *
                          FROM app.epic_progress AS o
                         WHERE o.tenant_id = tenant
                         ORDER BY o.epic_id
                        OFFSET 0) AS all_of_tenant
                 WHERE in_epic IS NULL AND in_project IS NULL) AS p;
    END IF;
    RETURN QUERY SELECT NULL::uuid, NULL::text, coalesce(everything, 0);
END
$$;
