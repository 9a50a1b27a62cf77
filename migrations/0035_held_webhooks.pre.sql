-- A webhook that is not active may hold many deliveries, and all of them are due. Only tests are sent there: an index of
-- its own finds them, where a look at all that is due would read everything that is held, each second.

CREATE INDEX webhook_delivery_test ON app.webhook_delivery (tenant_id, webhook_id) WHERE state = 'pending' AND test;

GRANT CREATE ON SCHEMA app TO loopctl_fn;
SET LOCAL ROLE loopctl_fn;
CREATE OR REPLACE FUNCTION app.due_webhooks(after_tenant uuid, after_webhook uuid, most integer)
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
       AND CASE WHEN h.active AND k.give_up IS NULL
           THEN EXISTS (
               SELECT
                 FROM app.webhook_delivery AS d
                WHERE d.tenant_id = w.tenant_id
                  AND d.webhook_id = w.webhook_id
                  AND d.state = 'pending'
                  AND d.next_at <= now())
           ELSE EXISTS (
               SELECT
                 FROM app.webhook_delivery AS d
                WHERE d.tenant_id = w.tenant_id
                  AND d.webhook_id = w.webhook_id
                  AND d.state = 'pending'
                  AND d.test
                  AND d.next_at <= now())
           END
     ORDER BY w.tenant_id, w.webhook_id
     LIMIT most
$$;
SET LOCAL ROLE loopctl_owner;
REVOKE CREATE ON SCHEMA app FROM loopctl_fn;
