-- Budgets of tokens and money. What was spent is in app.usage_spend.

CREATE TABLE app.token_budget (
    tenant_id            uuid        NOT NULL,
    budget_id            uuid        NOT NULL,
    scope_type           text        NOT NULL CHECK (scope_type IN ('project', 'epic', 'story', 'agent')),
    scope_id             uuid        NOT NULL,
    per                  text        CHECK (per IN ('story', 'epic', 'agent')),
    project_id           uuid,
    budget_millicents    bigint,
    budget_tokens        bigint,
    budget_input_tokens  bigint,
    budget_output_tokens bigint,
    alert_threshold_pct  integer     NOT NULL,
    enforcement          text        NOT NULL CHECK (enforcement IN ('warn', 'block')),
    metadata             text        NOT NULL,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    position             bigint      NOT NULL,
    PRIMARY KEY (tenant_id, budget_id)
);
CREATE INDEX token_budget_of_scope ON app.token_budget (tenant_id, scope_type, scope_id);
CREATE INDEX token_budget_blocking ON app.token_budget (tenant_id) WHERE enforcement = 'block';
GRANT SELECT, INSERT, UPDATE, DELETE ON app.token_budget TO loopctl_app;
GRANT SELECT ON app.token_budget TO loopctl_worker, loopctl_audit_ro;
CALL app.secure_tenant_table('app.token_budget');

-- The budgets that block, beside what app.look_up finds for a transition: most tenants have none, and then a report of a
-- story looks at no other.
CREATE FUNCTION app.blocking_budgets(tenant uuid)
RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
BEGIN
    PERFORM app.bind_tenant(tenant);
    RETURN (
        SELECT coalesce(json_agg(b), '[]'::json)
          FROM app.token_budget AS b
         WHERE b.tenant_id = tenant AND b.enforcement = 'block');
END
$$;
REVOKE ALL ON FUNCTION app.blocking_budgets FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.blocking_budgets TO loopctl_app;
