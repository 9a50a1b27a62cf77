-- Webhooks: subscriptions, what delivery knows of each receiver, and the deliveries, written with their events.

CREATE TABLE app.webhook (
    tenant_id         uuid        NOT NULL,
    webhook_id        uuid        NOT NULL,
    url               text        NOT NULL,
    events            text[]      NOT NULL CHECK (cardinality(events) > 0),
    project_id        uuid,
    ordered           boolean     NOT NULL,
    active            boolean     NOT NULL,
    disabled_reason   text        CHECK (disabled_reason IN ('failures', 'gone')),
    disabled_at       timestamptz,
    secret_rotated_at timestamptz,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    position          bigint      NOT NULL,
    PRIMARY KEY (tenant_id, webhook_id),
    CHECK (disabled_reason IS NULL OR NOT active)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.webhook TO loopctl_app;
GRANT SELECT ON app.webhook TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.webhook');

-- In no log. The secrets are encrypted under the tenant's key. While ``failures_in_row`` is high, one delivery at a time is
-- tried, and none before ``paused_until``. ``give_up`` asks the API to disable the webhook, which is an event.
CREATE TABLE app.webhook_target (
    tenant_id            uuid        NOT NULL,
    webhook_id           uuid        NOT NULL,
    secret               bytea       NOT NULL,
    previous_secret      bytea,
    previous_until       timestamptz,
    consecutive_failures integer     NOT NULL DEFAULT 0 CHECK (consecutive_failures >= 0),
    failures_in_row      integer     NOT NULL DEFAULT 0 CHECK (failures_in_row >= 0),
    paused_until         timestamptz,
    last_delivery_at     timestamptz,
    last_error           text        CHECK (length(last_error) <= 300),
    give_up              text        CHECK (give_up IN ('failures', 'gone')),
    PRIMARY KEY (tenant_id, webhook_id)
);
COMMENT ON COLUMN app.webhook_target.consecutive_failures IS 'deliveries given up one after the other';
CREATE INDEX webhook_target_given_up ON app.webhook_target (tenant_id, webhook_id) WHERE give_up IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON app.webhook_target TO loopctl_app;
GRANT SELECT ON app.webhook_target TO loopctl_worker;
GRANT UPDATE (consecutive_failures, failures_in_row, paused_until, last_delivery_at, last_error, give_up)
    ON app.webhook_target TO loopctl_worker;
CALL app.secure_tenant_table('app.webhook_target', true);

-- The event at ``position`` for one webhook. Whoever has put ``lease_token`` there sends it; after ``next_at`` somebody else
-- may. ``body`` is made of the log's entry when it is first sent, and is what is sent for ever after.
CREATE TABLE app.webhook_delivery (
    tenant_id       uuid        NOT NULL,
    webhook_id      uuid        NOT NULL,
    position        bigint      NOT NULL,
    event_type      text        NOT NULL,
    subject_id      uuid        NOT NULL,
    test            boolean     NOT NULL DEFAULT false,
    state           text        NOT NULL DEFAULT 'pending'
                                CHECK (state IN ('pending', 'delivered', 'failed', 'exhausted')),
    next_at         timestamptz NOT NULL DEFAULT now(),
    lease_token     uuid,
    attempts        integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    body            bytea,
    last_attempt_at timestamptz,
    delivered_at    timestamptz,
    error           text        CHECK (length(error) <= 300),
    history         jsonb       NOT NULL DEFAULT '[]',
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, webhook_id, position),
    CHECK (state = 'pending' OR lease_token IS NULL)
);
COMMENT ON COLUMN app.webhook_delivery.subject_id IS 'what it happened to: of one story, nothing overtakes anything';
COMMENT ON COLUMN app.webhook_delivery.history IS 'the last twenty attempts';
CREATE INDEX webhook_delivery_due ON app.webhook_delivery (tenant_id, webhook_id, next_at) WHERE state = 'pending';
CREATE INDEX webhook_delivery_order ON app.webhook_delivery (tenant_id, webhook_id, subject_id, position)
 WHERE state = 'pending';
CREATE INDEX webhook_delivery_leased ON app.webhook_delivery (tenant_id, webhook_id) WHERE lease_token IS NOT NULL;
CREATE INDEX webhook_delivery_age ON app.webhook_delivery (tenant_id, created_at) WHERE state <> 'pending';
GRANT SELECT, INSERT, UPDATE, DELETE ON app.webhook_delivery TO loopctl_app;
GRANT SELECT, DELETE ON app.webhook_delivery TO loopctl_worker;
GRANT UPDATE (state, next_at, lease_token, attempts, body, last_attempt_at, delivered_at, error, history)
    ON app.webhook_delivery TO loopctl_worker;
CALL app.secure_tenant_table('app.webhook_delivery');

-- One row for each event, in the order of their positions, and each active webhook that wants it. A type of NULL is an
-- event that is not sent.
CREATE FUNCTION app.queue_webhooks(
    tenant uuid,
    first_position bigint,
    at timestamptz,
    types text[],
    project_ids uuid[],
    subject_ids uuid[]
) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO app.webhook_delivery (tenant_id, webhook_id, position, event_type, subject_id, created_at)
    SELECT w.tenant_id, w.webhook_id, first_position + given.i - 1, given.type, given.subject_id, at
      FROM app.webhook AS w
     CROSS JOIN unnest(types, project_ids, subject_ids) WITH ORDINALITY AS given (type, project_id, subject_id, i)
     WHERE w.tenant_id = tenant
       AND w.active
       AND given.type = ANY (w.events)
       AND (w.project_id IS NULL OR w.project_id = given.project_id)
$$;
GRANT EXECUTE ON FUNCTION app.queue_webhooks TO loopctl_app;

-- Webhooks of all tenants that have something to send now: for whoever sends it. From one webhook to the next by the index.
CALL app.open_to_lookups('app.webhook');
CALL app.open_to_lookups('app.webhook_target');
CALL app.open_to_lookups('app.webhook_delivery');
GRANT SELECT (tenant_id, webhook_id, active) ON app.webhook TO loopctl_fn;
GRANT SELECT (tenant_id, webhook_id, paused_until, give_up) ON app.webhook_target TO loopctl_fn;
GRANT SELECT (tenant_id, webhook_id, state, next_at, test, created_at) ON app.webhook_delivery TO loopctl_fn;

CREATE FUNCTION app.due_webhooks(after_tenant uuid, after_webhook uuid, most integer)
RETURNS TABLE (tenant_id uuid, webhook_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE waiting AS (
        (SELECT d.tenant_id, d.webhook_id
           FROM app.webhook_delivery AS d
          WHERE d.state = 'pending' AND (d.tenant_id, d.webhook_id) > (after_tenant, after_webhook)
          ORDER BY d.tenant_id, d.webhook_id
          LIMIT 1)
         UNION ALL
        SELECT n.tenant_id, n.webhook_id
          FROM waiting AS w
         CROSS JOIN LATERAL (
               SELECT d.tenant_id, d.webhook_id
                 FROM app.webhook_delivery AS d
                WHERE d.state = 'pending' AND (d.tenant_id, d.webhook_id) > (w.tenant_id, w.webhook_id)
                ORDER BY d.tenant_id, d.webhook_id
                LIMIT 1) AS n
    )
    SELECT w.tenant_id, w.webhook_id
      FROM waiting AS w
      JOIN app.tenant AS t ON t.tenant_id = w.tenant_id
      JOIN app.webhook AS h ON h.tenant_id = w.tenant_id AND h.webhook_id = w.webhook_id
      JOIN app.webhook_target AS k ON k.tenant_id = w.tenant_id AND k.webhook_id = w.webhook_id
     WHERE t.status = 'active'
       AND (k.paused_until IS NULL OR k.paused_until <= now())
       AND EXISTS (
           SELECT
             FROM app.webhook_delivery AS d
            WHERE d.tenant_id = w.tenant_id
              AND d.webhook_id = w.webhook_id
              AND d.state = 'pending'
              AND d.next_at <= now()
              AND (d.test OR (h.active AND k.give_up IS NULL)))
     LIMIT most
$$;
GRANT EXECUTE ON FUNCTION app.due_webhooks TO loopctl_worker;

-- How many deliveries wait that nobody holds back, and for how many seconds the oldest of them has.
CREATE FUNCTION app.webhook_backlog()
RETURNS TABLE (waiting bigint, oldest double precision)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT count(*), coalesce(extract(epoch FROM now() - min(d.created_at)), 0)
      FROM app.webhook AS h
      JOIN app.webhook_delivery AS d ON d.tenant_id = h.tenant_id AND d.webhook_id = h.webhook_id
     WHERE h.active AND d.state = 'pending'
$$;
GRANT EXECUTE ON FUNCTION app.webhook_backlog TO loopctl_worker;

-- Webhooks that nothing is sent to any more, until a person says otherwise.
CREATE FUNCTION app.given_up_webhooks(most integer)
RETURNS TABLE (tenant_id uuid, webhook_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.tenant_id, k.webhook_id
      FROM app.webhook_target AS k
      JOIN app.webhook AS h ON h.tenant_id = k.tenant_id AND h.webhook_id = k.webhook_id
     WHERE k.give_up IS NOT NULL AND h.active
     ORDER BY k.tenant_id, k.webhook_id
     LIMIT most
$$;
GRANT EXECUTE ON FUNCTION app.given_up_webhooks TO loopctl_app;

GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.due_webhooks OWNER TO loopctl_fn;
ALTER FUNCTION app.given_up_webhooks OWNER TO loopctl_fn;
ALTER FUNCTION app.webhook_backlog OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;

-- As before, and what is to be sent is written with it. The new arguments have defaults: processes of the version before
-- go on calling it without.
DROP FUNCTION app.commit_moves;
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
               contracted_hash, implementer_dispatch_id, implementer_lineage, review_requested_at, reported_done_at, reported_by_agent_id, report_position, review_position,
               verified_at, verified_position, rejected_at, rejection_reason,
               iteration_count, revision, touched, claim_position, lease_expires_at, lease_seconds, worked_agents,
               worked_lineages, worked_links, reviewers, verifier_dispatch_id, verifier_needed, draw_count, created_at,
               updated_at, position)
        SELECT h.tenant_id, r.story_id, r.project_id, r.epic_id, r.number, r.major, r.minor, r.title, r.ac_count,
               r.criteria_hash, r.estimated_hours, r.agent_status, r.verified_status, r.assigned_agent_id,
               r.assigned_at, r.contracted_by_agent_id, r.contracted_hash, r.implementer_dispatch_id,
               r.implementer_lineage, r.review_requested_at,
               r.reported_done_at, r.reported_by_agent_id, r.report_position, r.review_position,
               r.verified_at, r.verified_position, r.rejected_at, r.rejection_reason,
               r.iteration_count, r.revision, r.touched, r.claim_position, r.lease_expires_at, r.lease_seconds,
               r.worked_agents, r.worked_lineages, r.worked_links, r.reviewers, r.verifier_dispatch_id,
               r.verifier_needed, r.draw_count, r.created_at, r.updated_at, r.position
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
GRANT EXECUTE ON FUNCTION app.commit_moves TO loopctl_app;
