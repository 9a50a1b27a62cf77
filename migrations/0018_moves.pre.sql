-- A batch of transitions in one call: what is known of a tenant in one statement, what is decided written in another.
-- Both run with the rights of whoever calls them, and bind the tenant before they touch a row, so that each can be a
-- transaction of its own.
--
-- One plan is made of each statement, once, perhaps while the tables are empty: then all indexes of a tenant seem to cost
-- the same. The order that a statement asks for, of a range because an equality would make the order void, leaves only
-- the index that begins with the key. tests/projections/test_move_plans.py says which ones are used.

GRANT CREATE ON SCHEMA app TO loopctl_fn;
SET LOCAL ROLE loopctl_fn;
-- As before, and fit for a cluster: the tenant of every new row comes from the row of the head, and what an UPDATE sets
-- is computed before it.
CREATE OR REPLACE FUNCTION app.append_batch(
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
    answer_positions bigint[] DEFAULT '{}'
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    head app.log_head;
    wrong bigint;
    new_size bigint;
    new_leaf bytea;
BEGIN
    -- A NULL would pass by the comparisons below, or leave a part of the batch out.
    IF num_nulls(
        tenant, head_size, entries, leaf_hashes, stream_ids, stream_versions, new_frontier, tile_levels, tile_indexes,
        tile_offsets, tile_hashes, outbox_positions, outbox_kinds, answer_callers, answer_keys, answer_requests,
        answer_statuses, answer_bodies, nonces, nonce_positions, at, answer_positions) > 0
    THEN
        RAISE EXCEPTION 'a batch has no argument that is NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;

    SELECT * INTO head FROM app.log_head AS h WHERE h.tenant_id = tenant FOR UPDATE;
    IF NOT FOUND OR head.size IS DISTINCT FROM head_size THEN
        RAISE EXCEPTION 'the head has moved' USING ERRCODE = 'LC001';
    END IF;

    IF cardinality(entries) > 0 THEN
        SELECT min(e.place) INTO wrong
          FROM (SELECT head_size + i - 1 AS place, entry, leaf,
                       lag(leaf, 1, head.last_leaf) OVER (ORDER BY i) AS previous
                  FROM unnest(entries, leaf_hashes) WITH ORDINALITY AS given (entry, leaf, i)) AS e
         WHERE e.leaf IS DISTINCT FROM sha256('\x00'::bytea || e.entry)
            OR NOT starts_with(
                   encode(substr(e.entry, 1, 100), 'escape'),
                   '{"v":1,"seq":' || e.place || ',"prev":"' || encode(e.previous, 'base64') || '",');
        IF wrong IS NOT NULL THEN
            RAISE EXCEPTION 'entry % has another hash or link than it says', wrong USING ERRCODE = 'LC002';
        END IF;

        INSERT INTO app.log_entry (tenant_id, position, stream_version, stream_id, leaf_hash, entry)
        SELECT h.tenant_id, head_size + i - 1, version, stream, leaf, entry
          FROM app.log_head AS h
         CROSS JOIN unnest(entries, leaf_hashes, stream_ids, stream_versions)
               WITH ORDINALITY AS given (entry, leaf, stream, version, i)
         WHERE h.tenant_id = tenant;

        new_size := head_size + cardinality(entries);
        new_leaf := leaf_hashes[cardinality(leaf_hashes)];
        UPDATE app.log_head AS h
           SET size = new_size, last_leaf = new_leaf, frontier = new_frontier
         WHERE h.tenant_id = tenant;
    END IF;

    IF cardinality(tile_levels) > 0 THEN
        INSERT INTO app.log_tile AS t (tenant_id, level, index, data)
        SELECT h.tenant_id, level, index, hashes
          FROM app.log_head AS h
         CROSS JOIN unnest(tile_levels, tile_indexes, tile_hashes) AS given (level, index, hashes)
         WHERE h.tenant_id = tenant
            ON CONFLICT (tenant_id, level, index) DO UPDATE SET data = t.data || excluded.data;
        IF EXISTS (
            SELECT
              FROM unnest(tile_levels, tile_indexes, tile_offsets, tile_hashes) AS given (level, index, start, hashes)
              JOIN app.log_tile AS t
                ON t.tenant_id = tenant AND t.level = given.level AND t.index = given.index
             WHERE length(t.data) IS DISTINCT FROM given.start * 32 + length(given.hashes)
        ) THEN
            RAISE EXCEPTION 'a tile does not end where the batch begins' USING ERRCODE = 'LC002';
        END IF;
    END IF;

    IF cardinality(outbox_positions) > 0 THEN
        INSERT INTO app.outbox (tenant_id, position, kind, next_at)
        SELECT h.tenant_id, place, kind, at
          FROM app.log_head AS h
         CROSS JOIN unnest(outbox_positions, outbox_kinds) AS given (place, kind)
         WHERE h.tenant_id = tenant;
    END IF;

    IF cardinality(answer_keys) > 0 THEN
        INSERT INTO app.idempotency (tenant_id, caller_id, key, request_hash, status, body, created_at, position)
        SELECT h.tenant_id, caller, key, request, status, body, at, place
          FROM app.log_head AS h
         CROSS JOIN unnest(
                   answer_callers, answer_keys, answer_requests, answer_statuses, answer_bodies, answer_positions)
               AS given (caller, key, request, status, body, place)
         WHERE h.tenant_id = tenant;
    END IF;

    IF cardinality(nonces) > 0 THEN
        INSERT INTO app.used_nonce (tenant_id, nonce, position)
        SELECT h.tenant_id, nonce, place
          FROM app.log_head AS h
         CROSS JOIN unnest(nonces, nonce_positions) AS given (nonce, place)
         WHERE h.tenant_id = tenant;
    END IF;
END
$$;
SET LOCAL ROLE loopctl_owner;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;

-- Binds what follows in the transaction to one tenant. Who is bound already stays so: another tenant is an error.
CREATE FUNCTION app.bind_tenant(tenant uuid) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF tenant IS NULL OR coalesce(nullif(current_setting('app.tenant', true), ''), tenant::text) <> tenant::text THEN
        RAISE EXCEPTION 'another tenant is bound, or none is given' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM set_config('app.tenant', tenant::text, true);
END
$$;
GRANT EXECUTE ON FUNCTION app.bind_tenant TO loopctl_app;

-- The head of a log and what is known under it: everything of one moment, because a STABLE function has one snapshot.
-- NULL for what was not asked or not found. ``ends``: version and position of the last event of each stream that has
-- one, of the streams asked for and of the stories and their epics.
CREATE FUNCTION app.look_up(
    tenant uuid,
    story_ids uuid[],
    text_ids uuid[],
    agent_ids uuid[],
    key_ids uuid[],
    tenant_ids uuid[],
    waiting_ids uuid[],
    standing_ids uuid[],
    stream_ids uuid[],
    OUT size bigint,
    OUT last_leaf bytea,
    OUT frontier bytea,
    OUT stories json,
    OUT texts json,
    OUT agents json,
    OUT api_keys json,
    OUT tenants json,
    OUT waiting json,
    OUT standing json,
    OUT ends json
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET timezone = 'UTC'
AS $$
#variable_conflict use_column
BEGIN
    PERFORM app.bind_tenant(tenant);
    SELECT h.size, h.last_leaf, h.frontier INTO size, last_leaf, frontier
      FROM app.log_head AS h
     WHERE h.tenant_id = tenant;
    IF cardinality(story_ids) > 0 THEN
        SELECT json_agg(found) INTO stories
          FROM unnest(story_ids) AS asked (id)
         CROSS JOIN LATERAL (
               SELECT t.*
                 FROM app.story AS t
                WHERE t.tenant_id = tenant AND t.story_id BETWEEN asked.id AND asked.id
                ORDER BY t.story_id
                LIMIT 1
         ) AS found;
    END IF;
    IF cardinality(text_ids) > 0 THEN
        SELECT json_agg(found) INTO texts
          FROM unnest(text_ids) AS asked (id)
         CROSS JOIN LATERAL (
               SELECT t.*
                 FROM app.story_text AS t
                WHERE t.tenant_id = tenant AND t.story_id BETWEEN asked.id AND asked.id
                ORDER BY t.story_id
                LIMIT 1
         ) AS found;
    END IF;
    IF cardinality(agent_ids) > 0 THEN
        SELECT json_agg(found) INTO agents
          FROM unnest(agent_ids) AS asked (id)
         CROSS JOIN LATERAL (
               SELECT t.*
                 FROM app.agent AS t
                WHERE t.tenant_id = tenant AND t.agent_id BETWEEN asked.id AND asked.id
                ORDER BY t.agent_id
                LIMIT 1
         ) AS found;
    END IF;
    IF cardinality(key_ids) > 0 THEN
        SELECT json_agg(found) INTO api_keys
          FROM unnest(key_ids) AS asked (id)
         CROSS JOIN LATERAL (
               SELECT t.*
                 FROM app.api_key AS t
                WHERE t.tenant_id = tenant AND t.key_id BETWEEN asked.id AND asked.id
                ORDER BY t.key_id
                LIMIT 1
         ) AS found;
    END IF;
    IF cardinality(tenant_ids) > 0 THEN
        SELECT json_agg(t) INTO tenants FROM app.tenant AS t WHERE t.tenant_id = tenant;
    END IF;
    IF cardinality(waiting_ids) > 0 THEN
        SELECT json_agg(json_build_array(w.id, w.before, w.number, w.verified, w.unverified)) INTO waiting
          FROM (SELECT asked.id, s.story_id AS before, s.number, s.verified_status = 'verified' AS verified,
                       NULL::integer AS unverified
                  FROM unnest(waiting_ids) AS asked (id)
                 CROSS JOIN LATERAL (
                       SELECT o.prerequisite_id
                         FROM app.story_dependency AS o
                        WHERE o.tenant_id = tenant AND o.dependent_id BETWEEN asked.id AND asked.id
                        ORDER BY o.dependent_id
                       OFFSET 0
                 ) AS d
                 CROSS JOIN LATERAL (
                       SELECT t.story_id, t.number, t.verified_status
                         FROM app.story AS t
                        WHERE t.tenant_id = tenant AND t.story_id BETWEEN d.prerequisite_id AND d.prerequisite_id
                        ORDER BY t.story_id
                        LIMIT 1
                 ) AS s
                 UNION ALL
                SELECT asked.id, d.prerequisite_id, e.number::text, NULL, p.stories - p.verified
                  FROM unnest(waiting_ids) AS asked (id)
                 CROSS JOIN LATERAL (
                       SELECT t.epic_id
                         FROM app.story AS t
                        WHERE t.tenant_id = tenant AND t.story_id BETWEEN asked.id AND asked.id
                        ORDER BY t.story_id
                        LIMIT 1
                 ) AS s
                 CROSS JOIN LATERAL (
                       SELECT o.prerequisite_id
                         FROM app.epic_dependency AS o
                        WHERE o.tenant_id = tenant AND o.dependent_id BETWEEN s.epic_id AND s.epic_id
                        ORDER BY o.dependent_id
                       OFFSET 0
                 ) AS d
                 CROSS JOIN LATERAL (
                       SELECT t.number
                         FROM app.epic AS t
                        WHERE t.tenant_id = tenant AND t.epic_id BETWEEN d.prerequisite_id AND d.prerequisite_id
                        ORDER BY t.epic_id
                        LIMIT 1
                 ) AS e
                 CROSS JOIN LATERAL (
                       SELECT t.stories, t.verified
                         FROM app.epic_progress AS t
                        WHERE t.tenant_id = tenant AND t.epic_id BETWEEN d.prerequisite_id AND d.prerequisite_id
                        ORDER BY t.epic_id
                        LIMIT 1
                 ) AS p) AS w;
    END IF;
    IF cardinality(standing_ids) > 0 THEN
        SELECT json_agg(json_build_object('story_id', asked.id, 'standing', json_build_object(
                   'epic_id', e.epic_id, 'project_id', e.project_id, 'number', e.number, 'title', e.title,
                   'stories', p.stories, 'unverified', p.stories - p.verified, 'completed', e.completed)))
          INTO standing
          FROM unnest(standing_ids) AS asked (id)
         CROSS JOIN LATERAL (
               SELECT t.epic_id
                 FROM app.story AS t
                WHERE t.tenant_id = tenant AND t.story_id BETWEEN asked.id AND asked.id
                ORDER BY t.story_id
                LIMIT 1
         ) AS s
         CROSS JOIN LATERAL (
               SELECT t.epic_id, t.project_id, t.number, t.title, t.completed
                 FROM app.epic AS t
                WHERE t.tenant_id = tenant AND t.epic_id BETWEEN s.epic_id AND s.epic_id
                ORDER BY t.epic_id
                LIMIT 1
         ) AS e
         CROSS JOIN LATERAL (
               SELECT t.stories, t.verified
                 FROM app.epic_progress AS t
                WHERE t.tenant_id = tenant AND t.epic_id BETWEEN s.epic_id AND s.epic_id
                ORDER BY t.epic_id
                LIMIT 1
         ) AS p;
    END IF;
    IF cardinality(stream_ids) + cardinality(story_ids) > 0 THEN
        SELECT json_agg(json_build_array(asked.id, last.stream_version, last.position)) INTO ends
          FROM (SELECT id FROM unnest(stream_ids || story_ids) AS named (id)
                 UNION
                SELECT s.epic_id
                  FROM unnest(story_ids) AS named (id)
                 CROSS JOIN LATERAL (
                       SELECT t.epic_id
                         FROM app.story AS t
                        WHERE t.tenant_id = tenant AND t.story_id BETWEEN named.id AND named.id
                        ORDER BY t.story_id
                        LIMIT 1
                 ) AS s) AS asked
         CROSS JOIN LATERAL (
               SELECT e.stream_version, e.position
                 FROM app.log_entry AS e
                WHERE e.tenant_id = tenant AND e.stream_id = asked.id
                ORDER BY e.stream_version DESC
                LIMIT 1
         ) AS last;
    END IF;
END
$$;
GRANT EXECUTE ON FUNCTION app.look_up TO loopctl_app;

-- Appends a batch of transitions, and moves what they move: rows of stories, the work queue, the progress of epics,
-- records of reviews and judgements, what the audit trail is found by. NULL is what the batch does not have. Raises
-- LC001 when the head has moved. Rows come as JSON, without a word on whose they are: that is the tenant of the head.
CREATE FUNCTION app.commit_moves(
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
    completed_epics json
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
               contracted_hash, implementer_dispatch_id, implementer_lineage, review_requested_at, reported_done_at, reported_by_agent_id, report_position, review_position,
               verified_at, verified_position, rejected_at, rejection_reason,
               iteration_count, revision, touched, claim_position, lease_expires_at, lease_seconds, worked_agents,
               worked_lineages, worked_links, reviewers, created_at, updated_at, position)
        SELECT h.tenant_id, r.story_id, r.project_id, r.epic_id, r.number, r.major, r.minor, r.title, r.ac_count,
               r.criteria_hash, r.estimated_hours, r.agent_status, r.verified_status, r.assigned_agent_id,
               r.assigned_at, r.contracted_by_agent_id, r.contracted_hash, r.implementer_dispatch_id,
               r.implementer_lineage, r.review_requested_at,
               r.reported_done_at, r.reported_by_agent_id, r.report_position, r.review_position,
               r.verified_at, r.verified_position, r.rejected_at, r.rejection_reason,
               r.iteration_count, r.revision, r.touched, r.claim_position, r.lease_expires_at, r.lease_seconds,
               r.worked_agents, r.worked_lineages, r.worked_links, r.reviewers, r.created_at, r.updated_at, r.position
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
               worked_links = excluded.worked_links, reviewers = excluded.reviewers, updated_at = excluded.updated_at, position = excluded.position;
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
        INSERT INTO app.work_queue AS q (tenant_id, story_id, project_id, epic_id, major, minor, pending, waits_for)
        SELECT h.tenant_id, r.story_id, r.project_id, r.epic_id, r.major, r.minor, r.pending, r.waits_for
          FROM app.log_head AS h
         CROSS JOIN json_populate_recordset(NULL::app.work_queue, entering) AS r
         WHERE h.tenant_id = tenant
            ON CONFLICT (tenant_id, story_id) DO UPDATE SET pending = excluded.pending;
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
GRANT EXECUTE ON FUNCTION app.commit_moves TO loopctl_app;
