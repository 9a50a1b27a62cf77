"""The routes of the other contracts: spec 02 and 03, appendices A, in the form of appendix_a.py. Of these
most are not served yet."""

SPENT = """
POST /api/v1/token-usage | agent+ | 201
DELETE /api/v1/token-usage/:id | user+ | 200
POST /api/v1/token-usage/:id/correction | user+ | 201
GET /api/v1/stories/:story_id/token-usage | agent+ | 200
GET /api/v1/analytics/agents | orchestrator+ | 200
GET /api/v1/analytics/epics | agent+ | 200
GET /api/v1/analytics/projects/:id | agent+ | 200
GET /api/v1/analytics/models | agent+ | 200
GET /api/v1/analytics/trends | orchestrator+ | 200
GET /api/v1/analytics/model-mix | orchestrator+ | 200
GET /api/v1/analytics/agents/:id/model-profile | orchestrator+ | 200
GET /api/v1/projects/:id/token-usage | agent+ | 200
POST /api/v1/token-budgets | orchestrator+ | 201
GET /api/v1/token-budgets | agent+ | 200
GET /api/v1/token-budgets/:id | agent+ | 200
PATCH /api/v1/token-budgets/:id | orchestrator+ | 200
PUT /api/v1/token-budgets/:id | orchestrator+ | 200
DELETE /api/v1/token-budgets/:id | user+ | 200
GET /api/v1/token-budgets/effective | agent+ | 200
POST /api/v1/projects/:id/token-budgets | orchestrator+ | 201
GET /api/v1/cost-anomalies | orchestrator+ | 200
PATCH /api/v1/cost-anomalies/:id | user+ | 200
GET /api/v1/projects/:id/cost-anomalies | orchestrator+ | 200
"""
"""Served."""

KNOWN = """
POST /api/v1/articles | agent+ | 201
GET /api/v1/articles | agent+ | 200
GET /api/v1/articles/:id | agent+ | 200
PATCH /api/v1/articles/:id | user+ | 200
PUT /api/v1/articles/:id | user+ | 200
DELETE /api/v1/articles/:id | user+ | 200
POST /api/v1/projects/:project_id/articles | agent+ | 201
GET /api/v1/projects/:project_id/articles | agent+ | 200
POST /api/v1/articles/:id/publish | orchestrator+ | 200
POST /api/v1/articles/:id/unpublish | user+ | 200
POST /api/v1/articles/:id/archive | user+ | 200
POST /api/v1/knowledge/bulk-publish | user+ | 200
GET /api/v1/knowledge/drafts | orchestrator+ | 200
POST /api/v1/article_links | agent+ | 201
DELETE /api/v1/article_links/:id | user+ | 204
GET /api/v1/articles/:article_id/links | agent+ | 200
GET /api/v1/knowledge/index | agent+ | 200
GET /api/v1/projects/:project_id/knowledge/index | agent+ | 200
GET /api/v1/knowledge/search | agent+ | 200
GET /api/v1/knowledge/context | agent+ | 200
GET /api/v1/knowledge/pipeline | orchestrator+ | 200
GET /api/v1/knowledge/export | orchestrator+ | 200
GET /api/v1/projects/:project_id/knowledge/export | orchestrator+ | 200
GET /api/v1/knowledge/lint | orchestrator+ | 200
GET /api/v1/projects/:project_id/knowledge/lint | orchestrator+ | 200
GET /api/v1/knowledge/analytics/top-articles | orchestrator+ | 200
GET /api/v1/knowledge/analytics/unused-articles | orchestrator+ | 200
GET /api/v1/knowledge/analytics/agents/:agent_id | orchestrator+ | 200
GET /api/v1/knowledge/analytics/projects/:id/usage | orchestrator+ | 200
GET /api/v1/knowledge/articles/:id/stats | orchestrator+ | 200
POST /api/v1/knowledge/ingest | orchestrator+ | 202
POST /api/v1/knowledge/ingest/batch | orchestrator+ | 200
GET /api/v1/knowledge/ingestion-jobs | orchestrator+ | 200
GET /api/v1/articles/system | public | 200
"""
"""Served."""

WEBHOOKS = """
POST /api/v1/webhooks | user+ | 201
GET /api/v1/webhooks | user+ | 200
PATCH /api/v1/webhooks/:id | user+ | 200
PUT /api/v1/webhooks/:id | user+ | 200
DELETE /api/v1/webhooks/:id | user+ | 204
POST /api/v1/webhooks/:id/test | user+ | 200
GET /api/v1/webhooks/:id/deliveries | user+ | 200
GET /api/v1/webhooks/event-types | user+ | 200
GET /api/v1/webhooks/:id | user+ | 200
POST /api/v1/webhooks/:id/rotate-secret | user+ | 200
POST /api/v1/webhooks/:id/replay | user+ | 202
GET /api/v1/webhooks/:id/deliveries/:delivery_id | user+ | 200
POST /api/v1/webhooks/:id/deliveries/:delivery_id/redeliver | user+ | 202
"""

SKILLS = """
GET /api/v1/skills/:id/cost-performance | user+ | 200
GET /api/v1/skills/:id/cost-regression | user+ | 200
POST /api/v1/skills | user+ | 201
GET /api/v1/skills | agent+ | 200
GET /api/v1/skills/:id | agent+ | 200
PATCH /api/v1/skills/:id | user+ | 200
PUT /api/v1/skills/:id | user+ | 200
DELETE /api/v1/skills/:id | user+ | 200
POST /api/v1/skills/import | user+ | 200
POST /api/v1/skills/:id/versions | user+ | 201
GET /api/v1/skills/:id/versions | agent+ | 200
GET /api/v1/skills/:id/versions/:version | agent+ | 200
GET /api/v1/skills/:id/versions/:version/results | agent+ | 200
GET /api/v1/skills/:id/stats | agent+ | 200
POST /api/v1/skill_results | =orchestrator,superadmin | 201
"""
UI_TEST_RUNS = """
POST /api/v1/projects/:project_id/ui-tests | agent+ | 201
GET /api/v1/projects/:project_id/ui-tests | agent+ | 200
GET /api/v1/projects/:project_id/ui-tests/:id | agent+ | 200
POST /api/v1/projects/:project_id/ui-tests/:id/findings | agent+ | 200
POST /api/v1/projects/:project_id/ui-tests/:id/complete | agent+ | 200
POST /api/v1/projects/:id/ui_test_runs | agent+ | 201
GET /api/v1/projects/:id/ui_test_runs | agent+ | 200
GET /api/v1/ui_test_runs/:id | agent+ | 200
POST /api/v1/ui_test_runs/:id/findings | agent+ | 201
POST /api/v1/ui_test_runs/:id/complete | agent+ | 200
POST /api/v1/projects/:project_id/ui-tests/:id/cancel | agent+ | 200
POST /api/v1/ui_test_runs/:id/cancel | agent+ | 200
"""
"""Of spec 02, appendix A: served."""
