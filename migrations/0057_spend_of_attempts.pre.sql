-- What each attempt at a story has cost, so that what was spent on rejected work is some sums and not all reports of it.

INSERT INTO app.usage_spend
       (tenant_id, scope_type, scope_id, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens,
        cost_millicents, report_count, unpriced_count, mismatch_count)
SELECT r.tenant_id, 'attempt_' || r.attempt, r.story_id, sum(r.input_tokens), sum(r.cache_read_tokens),
       sum(r.cache_write_tokens), sum(r.output_tokens), sum(r.cost_millicents), count(*),
       count(*) FILTER (WHERE r.cost_source = 'unpriced'),
       count(*) FILTER (WHERE r.cost_source = 'reported'
                          AND abs(r.cost_millicents - r.expected_millicents) * 100 > 20 * r.expected_millicents)
  FROM app.token_usage_report AS r
 WHERE r.deleted_at IS NULL
 GROUP BY r.tenant_id, r.story_id, r.attempt;
