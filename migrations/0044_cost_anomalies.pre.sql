-- Stories that cost far more or less than others, and what jobs of the worker have found that belongs into a log.

CREATE TABLE app.cost_anomaly (
    tenant_id                uuid        NOT NULL,
    anomaly_id               uuid        NOT NULL,
    project_id               uuid        NOT NULL,
    epic_id                  uuid,
    story_id                 uuid        NOT NULL,
    story_title              text        NOT NULL,
    anomaly_type             text        NOT NULL
        CHECK (anomaly_type IN ('high_cost', 'suspiciously_low', 'budget_exceeded')),
    story_cost_millicents    bigint      NOT NULL,
    reference_avg_millicents bigint      NOT NULL,
    deviation_factor         text        NOT NULL,
    baseline                 text        NOT NULL,
    period                   text,
    resolved                 boolean     NOT NULL,
    archived                 boolean     NOT NULL,
    note                     text,
    created_at               timestamptz NOT NULL,
    updated_at               timestamptz NOT NULL,
    position                 bigint      NOT NULL,
    PRIMARY KEY (tenant_id, anomaly_id)
);
CREATE INDEX cost_anomaly_newest ON app.cost_anomaly (tenant_id, created_at);
CREATE INDEX cost_anomaly_open ON app.cost_anomaly (tenant_id, story_id, anomaly_type) WHERE NOT resolved;
GRANT SELECT, INSERT, UPDATE, DELETE ON app.cost_anomaly TO loopctl_app;
GRANT SELECT ON app.cost_anomaly TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.cost_anomaly');

-- The worker writes no log. What its jobs have found is a row here until a process of the API has decided about it, at
-- the head of the log. The same found again before that takes the place of what was found first.
CREATE TABLE app.job_finding (
    tenant_id  uuid        NOT NULL,
    finding_id uuid        NOT NULL,
    kind       text        NOT NULL,
    subject_id uuid        NOT NULL,
    topic      text        NOT NULL,
    details    text        NOT NULL,
    found_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, finding_id),
    UNIQUE (tenant_id, kind, subject_id, topic)
);
COMMENT ON COLUMN app.job_finding.finding_id IS 'also the id of what the log says of it, so that it is said once';
GRANT SELECT, DELETE ON app.job_finding TO loopctl_app;
GRANT SELECT, INSERT, UPDATE (details) ON app.job_finding TO loopctl_worker;
CALL app.secure_tenant_table('app.job_finding');

-- How far the jobs have looked at what a tenant's work costs: a day is looked at once, whoever dies in between.
CREATE TABLE app.cost_watch (
    tenant_id    uuid NOT NULL PRIMARY KEY,
    days_through date,
    looked_at    timestamptz
);
GRANT SELECT, INSERT, UPDATE ON app.cost_watch TO loopctl_worker;
CALL app.secure_tenant_table('app.cost_watch');

CALL app.open_to_lookups('app.job_finding');
GRANT SELECT (tenant_id) ON app.job_finding TO loopctl_fn;

-- Tenants of which something was found, from one to the next by the index.
CREATE FUNCTION app.tenants_with_findings(most integer)
RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE waiting AS (
        (SELECT f.tenant_id
           FROM app.job_finding AS f
          ORDER BY f.tenant_id
          LIMIT 1)
         UNION ALL
        SELECT n.tenant_id
          FROM waiting AS w
         CROSS JOIN LATERAL (
               SELECT f.tenant_id
                 FROM app.job_finding AS f
                WHERE f.tenant_id > w.tenant_id
                ORDER BY f.tenant_id
                LIMIT 1) AS n
    )
    SELECT w.tenant_id
      FROM waiting AS w
     LIMIT most
$$;
REVOKE ALL ON FUNCTION app.tenants_with_findings FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.tenants_with_findings TO loopctl_app;
GRANT CREATE ON SCHEMA app TO loopctl_fn;
ALTER FUNCTION app.tenants_with_findings OWNER TO loopctl_fn;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
