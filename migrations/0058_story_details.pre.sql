-- What a story says of its source and of its place among others. Of these only the priority decides anything: the order
-- in which work is handed out.

ALTER TABLE app.story
    ADD COLUMN priority        integer NOT NULL DEFAULT 2 CHECK (priority BETWEEN 0 AND 4),
    ADD COLUMN external_source text,
    ADD COLUMN external_id     text,
    ADD CONSTRAINT story_external_whole CHECK ((external_source IS NULL) = (external_id IS NULL));
-- Which story has an external id. That no two have the same is decided under the head: in one statement two may swap.
CREATE INDEX story_external ON app.story (tenant_id, external_id, project_id) WHERE external_id IS NOT NULL;

ALTER TABLE app.story_text
    ADD COLUMN external_times   text,
    ADD COLUMN labels           text[] NOT NULL DEFAULT '{}',
    ADD COLUMN assignee         text,
    ADD COLUMN claimed_criteria text[] NOT NULL DEFAULT '{}',
    ADD COLUMN parent_id        uuid,
    ADD COLUMN parent           text;
CREATE INDEX story_text_parent ON app.story_text (tenant_id, parent_id) WHERE parent_id IS NOT NULL;

-- May be NULL, because a process of the version before leaves it out; such a row comes last.
ALTER TABLE app.work_queue ADD COLUMN priority integer DEFAULT 2 CHECK (priority BETWEEN 0 AND 4);
DROP INDEX app.work_queue_ready;
CREATE INDEX work_queue_ready ON app.work_queue (tenant_id, project_id, priority, major, minor, story_id)
    WHERE pending AND waits_for = 0;
DROP INDEX app.work_queue_ready_anywhere;
CREATE INDEX work_queue_ready_anywhere ON app.work_queue (tenant_id, priority, major, minor, story_id)
    WHERE pending AND waits_for = 0;

-- As before, with the most urgent first. What an index has in order is not to be sorted: counting, too, reads the index
-- of what is ready, and not of everything.
CREATE OR REPLACE FUNCTION app.list_ready(tenant uuid, in_project uuid, in_epic uuid, most integer, skipped integer)
RETURNS TABLE (story_id uuid, epic_id uuid, version text, total bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_sort = off
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
          FROM (SELECT q.story_id, q.epic_id, q.priority, q.major, q.minor
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
                 ORDER BY q.priority, q.major, q.minor, q.story_id
                 LIMIT most OFFSET skipped) AS page
         ORDER BY page.priority, page.major, page.minor, page.story_id;
    ELSIF in_project IS NOT NULL THEN
        RETURN QUERY
        SELECT page.story_id, page.epic_id,
               (SELECT concat_ws('.', s.position, s.xmin)
                  FROM app.story AS s
                 WHERE s.tenant_id = tenant AND s.story_id BETWEEN page.story_id AND page.story_id
                 ORDER BY s.story_id
                 LIMIT 1),
               NULL::bigint
          FROM (SELECT q.story_id, q.epic_id, q.priority, q.major, q.minor
                  FROM app.work_queue AS q
                 WHERE q.tenant_id = tenant AND q.project_id BETWEEN in_project AND in_project
                   AND q.pending AND q.waits_for = 0
                 ORDER BY q.project_id, q.priority, q.major, q.minor, q.story_id
                 LIMIT most OFFSET skipped) AS page
         ORDER BY page.priority, page.major, page.minor, page.story_id;
    ELSE
        RETURN QUERY
        SELECT page.story_id, page.epic_id,
               (SELECT concat_ws('.', s.position, s.xmin)
                  FROM app.story AS s
                 WHERE s.tenant_id = tenant AND s.story_id BETWEEN page.story_id AND page.story_id
                 ORDER BY s.story_id
                 LIMIT 1),
               NULL::bigint
          FROM (SELECT q.story_id, q.epic_id, q.priority, q.major, q.minor
                  FROM app.work_queue AS q
                 WHERE q.tenant_id = tenant AND q.pending AND q.waits_for = 0
                   AND (SELECT p.status
                          FROM app.project AS p
                         WHERE p.tenant_id = tenant AND p.project_id BETWEEN q.project_id AND q.project_id
                         ORDER BY p.project_id
                         LIMIT 1) = 'active'
                 ORDER BY q.priority, q.major, q.minor, q.story_id
                 LIMIT most OFFSET skipped) AS page
         ORDER BY page.priority, page.major, page.minor, page.story_id;
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
                         ORDER BY o.project_id, o.priority, o.major, o.minor, o.story_id
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

-- As before, with the new columns.
CREATE OR REPLACE FUNCTION app.commit_moves(
    tenant uuid,
    head_size bigint,
    entries bytea[],
    leaf_hashes bytea[],
    stream_ids uuid[],
    stream_versions integer[],
    new_frontier bytea,
    tile_levels smallint[],
    tile_indexes bigint[],
    tile_offsets integer[],
    tile_hashes bytea[],
    outbox_positions bigint[],
    outbox_kinds text[],
    answer_callers uuid[],
    answer_keys text[],
    answer_requests bytea[],
    answer_statuses smallint[],
    answer_bodies bytea[],
    nonces bytea[],
    nonce_positions bigint[],
    at timestamptz,
    answer_positions bigint[],
    times timestamptz[],
    project_ids uuid[],
    story_ids uuid[],
    actor_ids uuid[],
    actor_types text[],
    entity_types text[],
    actions text[],
    stories json,
    leaving uuid[],
    entering json,
    progress json,
    returned uuid[],
    confirmed uuid[],
    reviews json,
    verifications json,
    artifacts json,
    completed_epics json,
    webhook_types text[] DEFAULT NULL,
    webhook_subjects uuid[] DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
    latest_before timestamptz;
    crossed uuid[] := '{}';
    left_now integer;
    epic record;
    moved uuid;
    reached uuid[];
BEGIN
    PERFORM app.bind_tenant(tenant);
    PERFORM app.append_batch(
        tenant, head_size, entries, leaf_hashes, stream_ids, stream_versions, new_frontier, tile_levels, tile_indexes,
        tile_offsets, tile_hashes, outbox_positions, outbox_kinds, answer_callers, answer_keys, answer_requests,
        answer_statuses, answer_bodies, nonces, nonce_positions, at, answer_positions);

    IF stories IS NOT NULL THEN
        INSERT INTO app.story AS t (
               tenant_id, story_id, project_id, epic_id, number, major, minor, title, ac_count, criteria_hash,
               estimated_hours, agent_status, verified_status, assigned_agent_id, assigned_at, contracted_by_agent_id,
               contracted_hash, implementer_dispatch_id, implementer_lineage, review_requested_at, reported_done_at,
               reported_by_agent_id, report_position, review_position,
               verified_at, verified_position, rejected_at, rejection_reason,
               iteration_count, revision, touched, claim_position, lease_expires_at, lease_seconds, worked_agents,
               worked_lineages, worked_links, reviewers, verifier_dispatch_id, verifier_needed, draw_count, priority,
               external_source, external_id, created_at, updated_at, position)
        SELECT h.tenant_id, r.story_id, r.project_id, r.epic_id, r.number, r.major, r.minor, r.title, r.ac_count,
               r.criteria_hash, r.estimated_hours, r.agent_status, r.verified_status, r.assigned_agent_id,
               r.assigned_at, r.contracted_by_agent_id, r.contracted_hash, r.implementer_dispatch_id,
               r.implementer_lineage, r.review_requested_at,
               r.reported_done_at, r.reported_by_agent_id, r.report_position, r.review_position,
               r.verified_at, r.verified_position, r.rejected_at, r.rejection_reason,
               r.iteration_count, r.revision, r.touched, r.claim_position, r.lease_expires_at, r.lease_seconds,
               r.worked_agents, r.worked_lineages, r.worked_links, r.reviewers, r.verifier_dispatch_id,
               r.verifier_needed, r.draw_count, coalesce(r.priority, 2), r.external_source, r.external_id, r.created_at,
               r.updated_at, r.position
          FROM app.log_head AS h
         CROSS JOIN json_populate_recordset(NULL::app.story, stories) AS r
         WHERE h.tenant_id = tenant
            ON CONFLICT (tenant_id, story_id) DO UPDATE
           SET agent_status = excluded.agent_status, verified_status = excluded.verified_status,
               assigned_agent_id = excluded.assigned_agent_id, assigned_at = excluded.assigned_at,
               contracted_by_agent_id = excluded.contracted_by_agent_id, contracted_hash = excluded.contracted_hash,
               implementer_dispatch_id = excluded.implementer_dispatch_id,
               implementer_lineage = excluded.implementer_lineage,
               review_requested_at = excluded.review_requested_at, reported_done_at = excluded.reported_done_at,
               reported_by_agent_id = excluded.reported_by_agent_id, report_position = excluded.report_position,
               review_position = excluded.review_position, verified_at = excluded.verified_at,
               verified_position = excluded.verified_position, rejected_at = excluded.rejected_at,
               rejection_reason = excluded.rejection_reason, iteration_count = excluded.iteration_count,
               touched = excluded.touched, claim_position = excluded.claim_position,
               lease_expires_at = excluded.lease_expires_at, lease_seconds = excluded.lease_seconds,
               worked_agents = excluded.worked_agents, worked_lineages = excluded.worked_lineages,
               worked_links = excluded.worked_links, reviewers = excluded.reviewers,
               verifier_dispatch_id = excluded.verifier_dispatch_id, verifier_needed = excluded.verifier_needed,
               draw_count = excluded.draw_count, updated_at = excluded.updated_at, position = excluded.position;
    END IF;

    IF leaving IS NOT NULL THEN
        FOREACH moved IN ARRAY leaving LOOP
            DELETE FROM app.work_queue AS q
             WHERE q.tenant_id = tenant
               AND q.ctid = (
                       SELECT o.ctid
                         FROM app.work_queue AS o
                        WHERE o.tenant_id = tenant AND o.story_id BETWEEN moved AND moved
                        ORDER BY o.story_id
                        LIMIT 1);
        END LOOP;
    END IF;
    IF entering IS NOT NULL THEN
        INSERT INTO app.work_queue AS q (
               tenant_id, story_id, project_id, epic_id, major, minor, pending, waits_for, priority)
        SELECT h.tenant_id, r.story_id, r.project_id, r.epic_id, r.major, r.minor, r.pending, r.waits_for,
               coalesce(r.priority, 2)
          FROM app.log_head AS h
         CROSS JOIN json_populate_recordset(NULL::app.work_queue, entering) AS r
         WHERE h.tenant_id = tenant
            ON CONFLICT (tenant_id, story_id) DO UPDATE SET pending = excluded.pending, priority = excluded.priority;
    END IF;

    -- A batch moves a few epics: each is found by its key, where a join would read all epics of the tenant.
    IF progress IS NOT NULL THEN
        FOR epic IN SELECT * FROM json_populate_recordset(NULL::app.epic_progress, progress) LOOP
            UPDATE app.epic_progress AS p
               SET stories = p.stories + epic.stories, pending = p.pending + epic.pending,
                   contracted = p.contracted + epic.contracted, assigned = p.assigned + epic.assigned,
                   implementing = p.implementing + epic.implementing,
                   reported_done = p.reported_done + epic.reported_done, unverified = p.unverified + epic.unverified,
                   verified = p.verified + epic.verified, rejected = p.rejected + epic.rejected,
                   hours = p.hours + epic.hours, hours_done = p.hours_done + epic.hours_done
             WHERE p.tenant_id = tenant
               AND p.ctid = (
                       SELECT o.ctid
                         FROM app.epic_progress AS o
                        WHERE o.tenant_id = tenant AND o.epic_id BETWEEN epic.epic_id AND epic.epic_id
                        ORDER BY o.epic_id
                        LIMIT 1)
            RETURNING p.stories - p.verified INTO left_now;
            IF (left_now = 0) <> (left_now - epic.stories + epic.verified = 0) THEN
                crossed := crossed || epic.epic_id;
            END IF;
        END LOOP;
    END IF;
    IF completed_epics IS NOT NULL THEN
        FOR epic IN SELECT * FROM json_populate_recordset(NULL::app.epic, completed_epics) LOOP
            UPDATE app.epic AS e
               SET completed = true, position = epic.position
             WHERE e.tenant_id = tenant
               AND e.ctid = (
                       SELECT o.ctid
                         FROM app.epic AS o
                        WHERE o.tenant_id = tenant AND o.epic_id BETWEEN epic.epic_id AND epic.epic_id
                        ORDER BY o.epic_id
                        LIMIT 1);
        END LOOP;
    END IF;

    -- As projections/rows/work_queue.py counts.
    IF returned IS NOT NULL OR confirmed IS NOT NULL OR cardinality(crossed) > 0 THEN
        SELECT array_agg(found.story_id) INTO reached
          FROM (SELECT id AS story_id FROM unnest(returned) AS asked (id)
                 UNION
                SELECT d.dependent_id
                  FROM unnest(confirmed) AS changed (id)
                 CROSS JOIN LATERAL (
                       SELECT o.dependent_id
                         FROM app.story_dependency AS o
                        WHERE o.tenant_id = tenant AND o.prerequisite_id BETWEEN changed.id AND changed.id
                        ORDER BY o.prerequisite_id
                       OFFSET 0
                 ) AS d
                 UNION
                SELECT q.story_id
                  FROM unnest(crossed) AS changed (id)
                 CROSS JOIN LATERAL (
                       SELECT o.dependent_id AS epic_id
                         FROM app.epic_dependency AS o
                        WHERE o.tenant_id = tenant AND o.prerequisite_id BETWEEN changed.id AND changed.id
                        ORDER BY o.prerequisite_id
                       OFFSET 0
                 ) AS d
                 CROSS JOIN LATERAL (
                       SELECT o.story_id
                         FROM app.work_queue AS o
                        WHERE o.tenant_id = tenant AND o.epic_id BETWEEN d.epic_id AND d.epic_id
                        ORDER BY o.epic_id
                       OFFSET 0
                 ) AS q) AS found;
        FOREACH moved IN ARRAY coalesce(reached, '{}') LOOP
            UPDATE app.work_queue AS q
               SET waits_for = (
                       SELECT count(*)
                         FROM (SELECT o.prerequisite_id
                                 FROM app.story_dependency AS o
                                WHERE o.tenant_id = tenant AND o.dependent_id BETWEEN moved AND moved
                                ORDER BY o.dependent_id
                               OFFSET 0) AS d
                        WHERE (SELECT o.verified_status
                                 FROM app.story AS o
                                WHERE o.tenant_id = tenant
                                  AND o.story_id BETWEEN d.prerequisite_id AND d.prerequisite_id
                                ORDER BY o.story_id
                                LIMIT 1) <> 'verified')
                     + (
                       SELECT count(*)
                         FROM (SELECT o.prerequisite_id
                                 FROM app.epic_dependency AS o
                                WHERE o.tenant_id = tenant AND o.dependent_id BETWEEN q.epic_id AND q.epic_id
                                ORDER BY o.dependent_id
                               OFFSET 0) AS d
                        WHERE (SELECT o.stories > o.verified
                                 FROM app.epic_progress AS o
                                WHERE o.tenant_id = tenant
                                  AND o.epic_id BETWEEN d.prerequisite_id AND d.prerequisite_id
                                ORDER BY o.epic_id
                                LIMIT 1))
             WHERE q.tenant_id = tenant
               AND q.ctid = (
                       SELECT o.ctid
                         FROM app.work_queue AS o
                        WHERE o.tenant_id = tenant AND o.story_id BETWEEN moved AND moved
                        ORDER BY o.story_id
                        LIMIT 1);
        END LOOP;
    END IF;

    IF reviews IS NOT NULL THEN
        INSERT INTO app.review (
               tenant_id, review_id, story_id, reviewer_agent_id, reviewer_key_id, review_type, findings_count,
               fixes_count, disproved_count, summary, completed_at, report_position, created_at, position)
        SELECT h.tenant_id, r.review_id, r.story_id, r.reviewer_agent_id, r.reviewer_key_id, r.review_type,
               r.findings_count, r.fixes_count, r.disproved_count, r.summary, r.completed_at, r.report_position,
               r.created_at, r.position
          FROM app.log_head AS h
         CROSS JOIN json_populate_recordset(NULL::app.review, reviews) AS r
         WHERE h.tenant_id = tenant;
    END IF;
    IF verifications IS NOT NULL THEN
        INSERT INTO app.verification (
               tenant_id, verification_id, story_id, orchestrator_agent_id, result, summary, findings, review_type,
               iteration, created_at, position)
        SELECT h.tenant_id, r.verification_id, r.story_id, r.orchestrator_agent_id, r.result, r.summary, r.findings,
               r.review_type, r.iteration, r.created_at, r.position
          FROM app.log_head AS h
         CROSS JOIN json_populate_recordset(NULL::app.verification, verifications) AS r
         WHERE h.tenant_id = tenant;
    END IF;
    IF artifacts IS NOT NULL THEN
        INSERT INTO app.artifact (
               tenant_id, artifact_id, story_id, artifact_type, path, "exists", details, reported_by,
               reporter_agent_id, created_at, position)
        SELECT h.tenant_id, r.artifact_id, r.story_id, r.artifact_type, r.path, r."exists", r.details, r.reported_by,
               r.reporter_agent_id, r.created_at, r.position
          FROM app.log_head AS h
         CROSS JOIN json_populate_recordset(NULL::app.artifact, artifacts) AS r
         WHERE h.tenant_id = tenant;
    END IF;

    IF webhook_types IS NOT NULL THEN
        PERFORM app.queue_webhooks(tenant, head_size, at, webhook_types, project_ids, webhook_subjects);
    END IF;

    IF cardinality(times) > 0 THEN
        SELECT a.latest INTO latest_before
          FROM app.audit_index AS a
         WHERE a.tenant_id = tenant
         ORDER BY a.position DESC
         LIMIT 1;
        INSERT INTO app.audit_index (
               tenant_id, position, at, latest, entity_id, project_id, story_id, actor_id, entity_type, action,
               actor_type)
        SELECT h.tenant_id, head_size + given.i - 1, given.at,
               greatest(latest_before, max(given.at) OVER (ORDER BY given.i)), given.stream_id, given.project_id,
               given.story_id, given.actor_id, given.entity_type, given.action, given.actor_type
          FROM app.log_head AS h
         CROSS JOIN unnest(times, stream_ids, project_ids, story_ids, actor_ids, entity_types, actions, actor_types)
               WITH ORDINALITY AS given (
                   at, stream_id, project_id, story_id, actor_id, entity_type, action, actor_type, i)
         WHERE h.tenant_id = tenant;
    END IF;
END
$$;
