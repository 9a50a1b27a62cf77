-- Reads whose answers are mostly kept: versions and pages in one statement, which is a transaction of its own. They run
-- with the rights of whoever calls them and bind the tenant before they touch a row; each sees one moment, because a
-- STABLE function has the snapshot of the statement that calls it.
--
-- Plans are made once, perhaps while the tables are empty, as those of app.look_up are, and are held to their index in
-- the same way: by an order that only that index has. A lookup by key asks for a range, because an equality would make
-- the order void. tests/projections/test_read_plans.py says which ones are used.

-- xmin changes with every write of a row, be it by an event, by a rebuild from the log or by hand. Dependencies come
-- and go: they are all named, so that one that was there for a moment leaves no trace. NULL when there is no such
-- story.
CREATE FUNCTION app.version_of_story(tenant uuid, wanted uuid) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
BEGIN
    PERFORM app.bind_tenant(tenant);
    RETURN (
        SELECT ROW(s.position, s.xmin,
                   (SELECT p.position
                      FROM app.project AS p
                     WHERE p.tenant_id = tenant AND p.project_id BETWEEN s.project_id AND s.project_id
                     ORDER BY p.project_id
                     LIMIT 1),
                   ARRAY(SELECT d.position
                           FROM app.story_dependency AS d
                          WHERE d.tenant_id = tenant AND d.dependent_id BETWEEN wanted AND wanted
                          ORDER BY d.dependent_id, d.prerequisite_id),
                   (SELECT a.xmin
                      FROM app.artifact AS a
                     WHERE a.tenant_id = tenant AND a.story_id = wanted
                     ORDER BY a.position DESC
                     LIMIT 1),
                   (SELECT v.xmin
                      FROM (SELECT o.xmin, o.position
                              FROM app.verification AS o
                             WHERE o.tenant_id = tenant AND o.story_id BETWEEN wanted AND wanted
                             ORDER BY o.story_id
                            OFFSET 0) AS v
                     ORDER BY v.position DESC
                     LIMIT 1))::text
          FROM app.story AS s
         WHERE s.tenant_id = tenant AND s.story_id BETWEEN wanted AND wanted
         ORDER BY s.story_id
         LIMIT 1);
END
$$;
GRANT EXECUTE ON FUNCTION app.version_of_story TO loopctl_app;

-- A page of the stories of a project, of an epic, or of both, in the order of their numbers. NULL filters nothing.
-- After them comes a row without a story, with the number of those on all pages: counted only when the page does not
-- show it, and of one status taken from the progress.
CREATE FUNCTION app.list_stories(
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
    IF numbered IS NOT NULL THEN
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
                 WHERE in_epic IS NULL) AS p;
    END IF;
    RETURN QUERY SELECT NULL::uuid, NULL::text, coalesce(everything, 0);
END
$$;
GRANT EXECUTE ON FUNCTION app.list_stories TO loopctl_app;

-- A page of what is ready, in the order of the numbers; after it a row without a story, with the number of all of them,
-- counted only when the page does not show it. Archived projects are left out unless one is named. The status of a
-- project is a sub-select of its own, so that rows are read in the order of their index and no further than the page,
-- for which alone versions are looked up.
CREATE FUNCTION app.list_ready(tenant uuid, in_project uuid, in_epic uuid, most integer, skipped integer)
RETURNS TABLE (story_id uuid, epic_id uuid, version text, total bigint)
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
    IF in_epic IS NOT NULL THEN
        RETURN QUERY
        SELECT page.story_id, page.epic_id,
               (SELECT concat_ws('.', s.position, s.xmin)
                  FROM app.story AS s
                 WHERE s.tenant_id = tenant AND s.story_id BETWEEN page.story_id AND page.story_id
                 ORDER BY s.story_id
                 LIMIT 1),
               NULL::bigint
          FROM (SELECT q.story_id, q.epic_id, q.major, q.minor
                  FROM (SELECT o.*
                          FROM app.work_queue AS o
                         WHERE o.tenant_id = tenant AND o.epic_id BETWEEN in_epic AND in_epic
                         ORDER BY o.epic_id
                        OFFSET 0) AS q
                 WHERE q.pending AND q.waits_for = 0
                   AND CASE WHEN in_project IS NOT NULL THEN q.project_id = in_project
                            ELSE (SELECT p.status
                                    FROM app.project AS p
                                   WHERE p.tenant_id = tenant AND p.project_id BETWEEN q.project_id AND q.project_id
                                   ORDER BY p.project_id
                                   LIMIT 1) = 'active' END
                 ORDER BY q.major, q.minor, q.story_id
                 LIMIT most OFFSET skipped) AS page
         ORDER BY page.major, page.minor, page.story_id;
    ELSIF in_project IS NOT NULL THEN
        RETURN QUERY
        SELECT page.story_id, page.epic_id,
               (SELECT concat_ws('.', s.position, s.xmin)
                  FROM app.story AS s
                 WHERE s.tenant_id = tenant AND s.story_id BETWEEN page.story_id AND page.story_id
                 ORDER BY s.story_id
                 LIMIT 1),
               NULL::bigint
          FROM (SELECT q.story_id, q.epic_id, q.major, q.minor
                  FROM app.work_queue AS q
                 WHERE q.tenant_id = tenant AND q.project_id BETWEEN in_project AND in_project
                   AND q.pending AND q.waits_for = 0
                 ORDER BY q.project_id, q.major, q.minor, q.story_id
                 LIMIT most OFFSET skipped) AS page
         ORDER BY page.major, page.minor, page.story_id;
    ELSE
        RETURN QUERY
        SELECT page.story_id, page.epic_id,
               (SELECT concat_ws('.', s.position, s.xmin)
                  FROM app.story AS s
                 WHERE s.tenant_id = tenant AND s.story_id BETWEEN page.story_id AND page.story_id
                 ORDER BY s.story_id
                 LIMIT 1),
               NULL::bigint
          FROM (SELECT q.story_id, q.epic_id, q.major, q.minor
                  FROM app.work_queue AS q
                 WHERE q.tenant_id = tenant AND q.pending AND q.waits_for = 0
                   AND (SELECT p.status
                          FROM app.project AS p
                         WHERE p.tenant_id = tenant AND p.project_id BETWEEN q.project_id AND q.project_id
                         ORDER BY p.project_id
                         LIMIT 1) = 'active'
                 ORDER BY q.major, q.minor, q.story_id
                 LIMIT most OFFSET skipped) AS page
         ORDER BY page.major, page.minor, page.story_id;
    END IF;
    GET DIAGNOSTICS found = ROW_COUNT;

    IF skipped = 0 AND found < most THEN
        everything := found;
    ELSIF in_epic IS NOT NULL THEN
        SELECT count(*) INTO everything
          FROM (SELECT o.*
                  FROM app.work_queue AS o
                 WHERE o.tenant_id = tenant AND o.epic_id BETWEEN in_epic AND in_epic
                 ORDER BY o.epic_id
                OFFSET 0) AS q
         WHERE q.pending AND q.waits_for = 0
           AND CASE WHEN in_project IS NOT NULL THEN q.project_id = in_project
                    ELSE (SELECT p.status
                            FROM app.project AS p
                           WHERE p.tenant_id = tenant AND p.project_id BETWEEN q.project_id AND q.project_id
                           ORDER BY p.project_id
                           LIMIT 1) = 'active' END;
    ELSIF in_project IS NOT NULL THEN
        SELECT count(*) INTO everything
          FROM (SELECT
                  FROM app.work_queue AS q
                 WHERE q.tenant_id = tenant AND q.project_id BETWEEN in_project AND in_project
                   AND q.pending AND q.waits_for = 0
                 ORDER BY q.project_id
                OFFSET 0) AS ready;
    ELSE
        SELECT sum(ready.stories) INTO everything
          FROM (SELECT q.project_id, count(*) AS stories
                  FROM (SELECT o.project_id
                          FROM app.work_queue AS o
                         WHERE o.tenant_id = tenant AND o.pending AND o.waits_for = 0
                         ORDER BY o.project_id, o.major, o.minor, o.story_id
                        OFFSET 0) AS q
                 GROUP BY q.project_id) AS ready
         WHERE (SELECT p.status
                  FROM app.project AS p
                 WHERE p.tenant_id = tenant AND p.project_id BETWEEN ready.project_id AND ready.project_id
                 ORDER BY p.project_id
                 LIMIT 1) = 'active';
    END IF;
    RETURN QUERY SELECT NULL::uuid, NULL::uuid, NULL::text, coalesce(everything, 0);
END
$$;
GRANT EXECUTE ON FUNCTION app.list_ready TO loopctl_app;
