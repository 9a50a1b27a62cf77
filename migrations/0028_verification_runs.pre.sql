-- Runs of reported work, as those outside tell of them: evidence, one row for each.

CREATE TABLE app.verification_run (
    tenant_id           uuid        NOT NULL,
    run_id              uuid        NOT NULL,
    story_id            uuid        NOT NULL,
    reporter_agent_id   uuid        NOT NULL,
    reporter_key_id     uuid        NOT NULL,
    status              text        NOT NULL CHECK (status IN ('pass', 'fail', 'error')),
    runner_type         text        NOT NULL CHECK (runner_type IN ('ci_github', 'ci_gitlab', 'fly_machine', 'manual')),
    commit_sha          text        NOT NULL,
    commit_content_hash text,
    logs_url            text,
    ac_results          text        NOT NULL,
    started_at          timestamptz,
    completed_at        timestamptz NOT NULL,
    report_position     bigint      NOT NULL,
    created_at          timestamptz NOT NULL,
    position            bigint      NOT NULL,
    PRIMARY KEY (tenant_id, run_id)
);
CREATE INDEX verification_run_of_story ON app.verification_run (tenant_id, story_id, position);
GRANT SELECT, INSERT, DELETE ON app.verification_run TO loopctl_app;
GRANT SELECT ON app.verification_run TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.verification_run');

-- The newest run of each of these stories, beside what app.look_up finds for a transition.
CREATE FUNCTION app.last_runs(tenant uuid, story_ids uuid[])
RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
BEGIN
    IF cardinality(story_ids) = 0 THEN
        RETURN NULL;
    END IF;
    PERFORM app.bind_tenant(tenant);
    RETURN (
        SELECT json_agg(json_build_object('story_id', asked.id, 'run', json_build_object(
                   'report_position', r.report_position, 'status', r.status)))
          FROM unnest(story_ids) AS asked (id)
         CROSS JOIN LATERAL (
               SELECT t.report_position, t.status
                 FROM app.verification_run AS t
                WHERE t.tenant_id = tenant AND t.story_id BETWEEN asked.id AND asked.id
                ORDER BY t.story_id DESC, t.position DESC
                LIMIT 1
         ) AS r);
END
$$;
REVOKE ALL ON FUNCTION app.last_runs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.last_runs TO loopctl_app;
