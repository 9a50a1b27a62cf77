"""The routes that clients of the reference know: spec 01, appendix A, and what of it is not served yet, and why."""

from msgspec import Struct

SERVED = """
GET /health | public | 200
GET / | public | 200 302
GET /.well-known/loopctl | public | 200
GET /.well-known/loopctl/schema.json | public | 200
GET /swaggerui | public | 200
GET /api/v1 | public | 200
GET /api/v1/openapi | public | 200
GET /api/v1/tenants/me | any | 200
PATCH /api/v1/tenants/me | user+ | 200
GET /api/v1/tenants/:id/audit_public_key | public | 200
POST /api/v1/api_keys | user+ | 201
GET /api/v1/api_keys | user+ | 200
DELETE /api/v1/api_keys/:id | user+ | 200
POST /api/v1/api_keys/:id/rotate | user+ | 201
POST /api/v1/agents/register | =agent | 201
GET /api/v1/agents | orchestrator+ | 200
GET /api/v1/agents/:id | orchestrator+ | 200
POST /api/v1/projects | orchestrator+ | 201
GET /api/v1/projects | agent+ | 200
GET /api/v1/projects/:id | agent+ | 200
PATCH /api/v1/projects/:id | orchestrator+ | 200
PUT /api/v1/projects/:id | orchestrator+ | 200
DELETE /api/v1/projects/:id | user+ | 200
GET /api/v1/projects/:id/progress | agent+ | 200
GET /api/v1/projects/:id/dependency_graph | agent+ | 200
GET /api/v1/projects/:id/epic_dependencies | agent+ | 200
POST /api/v1/projects/:id/import | =orchestrator,user,superadmin | 200 201
GET /api/v1/projects/:id/export | agent+ | 200
GET /api/v1/projects/:project_id/epics | agent+ | 200
POST /api/v1/projects/:project_id/epics | orchestrator+ | 201
POST /api/v1/projects/:project_id/stories | orchestrator+ | 201
GET /api/v1/epics/:id | agent+ | 200
PATCH /api/v1/epics/:id | orchestrator+ | 200
DELETE /api/v1/epics/:id | user+ | 204
GET /api/v1/epics/:id/progress | agent+ | 200
GET /api/v1/epics/:id/story_dependencies | agent+ | 200
POST /api/v1/epics/:id/verify-all | =orchestrator | 200
GET /api/v1/epics/:epic_id/stories | agent+ | 200
POST /api/v1/epics/:epic_id/stories | orchestrator+ | 201
GET /api/v1/stories | agent+ | 200
GET /api/v1/stories/ready | agent+ | 200
GET /api/v1/stories/blocked | agent+ | 200
POST /api/v1/stories/bulk/claim | =agent | 200
POST /api/v1/stories/bulk/verify | =orchestrator | 200
POST /api/v1/stories/bulk/reject | =orchestrator | 200
POST /api/v1/stories/bulk/mark-complete | =orchestrator | 200
GET /api/v1/stories/:id | agent+ | 200
PATCH /api/v1/stories/:id | orchestrator+ | 200
DELETE /api/v1/stories/:id | user+ | 204
GET /api/v1/stories/:story_id/acceptance_criteria | agent+ | 200
POST /api/v1/stories/:id/contract | =agent,orchestrator | 200
POST /api/v1/stories/:id/claim | =agent | 200
POST /api/v1/stories/:id/start | =agent | 200
POST /api/v1/stories/:id/start-work | =agent | 200
POST /api/v1/stories/:id/request-review | =agent | 200
POST /api/v1/stories/:id/report | =agent,orchestrator | 200
POST /api/v1/stories/:id/report-done | =agent,orchestrator | 200
GET /api/v1/stories/:id/verification-runs | agent+ | 200
GET /api/v1/verification-runs/:id | agent+ | 200
POST /api/v1/stories/:id/review-complete | =agent,orchestrator,user | 201
POST /api/v1/stories/:id/verify | =orchestrator | 202
POST /api/v1/stories/:id/reject | =orchestrator | 200
POST /api/v1/stories/:id/recover-cap | agent+ | 201
POST /api/v1/stories/:id/unclaim | =agent | 200
POST /api/v1/stories/:id/force-unclaim | =orchestrator | 200
POST /api/v1/stories/:id/backfill | orchestrator+ | 200
GET /api/v1/stories/:story_id/verifications | orchestrator+ | 200
POST /api/v1/stories/:id/artifacts | =agent,orchestrator | 201
GET /api/v1/stories/:id/artifacts | agent+ | 200
POST /api/v1/dispatches | orchestrator+ | 201
GET /api/v1/dispatches | agent+ | 200
GET /api/v1/dispatches/:id | agent+ | 200
POST /api/v1/dispatches/:id/revoke | orchestrator+ | 200
POST /api/v1/epic_dependencies | orchestrator+ | 201
DELETE /api/v1/epic_dependencies/:id | user+ | 204
POST /api/v1/story_dependencies | orchestrator+ | 201
DELETE /api/v1/story_dependencies/:id | user+ | 204
GET /api/v1/stories/:id/history | any | 200
GET /api/v1/changes | any | 200
PUT /api/v1/orchestrator/state/:project_id | =orchestrator,superadmin | 200
GET /api/v1/orchestrator/state/:project_id | =orchestrator,superadmin | 200
GET /api/v1/orchestrator/state/:project_id/history | =orchestrator,superadmin | 200
POST /api/v1/audit/events | orchestrator+ | 201
GET /api/v1/audit/sth/:tenant_id | public | 200
GET /api/v1/admin/tenants | =superadmin | 200
GET /api/v1/admin/tenants/:id | =superadmin | 200
PATCH /api/v1/admin/tenants/:id | =superadmin | 200
POST /api/v1/admin/tenants/:id/suspend | =superadmin | 200
POST /api/v1/admin/tenants/:id/activate | =superadmin | 200
GET /api/v1/admin/stats | =superadmin | 200
GET /api/v1/stories/:id/reviews | agent+ | 200
PATCH /api/v1/stories/:id/acceptance_criteria/:ac_id | orchestrator+ | 200
PATCH /api/v1/agents/:id | user+ | 200
GET /api/v1/audit/chain | agent+ | 200
GET /api/v1/audit/proof | agent+ | 200
GET /api/v1/tenants/:id/audit_public_keys | public | 200
POST /api/v1/admin/tenants/:id/clear-halt | =superadmin | 200
POST /api/v1/tenants/me/clear-halt | user+ | 200
POST /api/v1/tenants/:id/rotate-audit-key | user+ | 200
POST /api/v1/tenants/:id/bootstrap-audit-key | user+ | 200
GET /api/v1/admin/violators | =superadmin | 200
POST /api/v1/admin/violators/:id/resolve | =superadmin | 200
POST /api/v1/admin/violators/:id/ignore | =superadmin | 200
POST /signup/challenge | public | 200
POST /signup/attestation | public | 200
POST /signup | public | 201
POST /api/v1/tenants/me/webauthn/challenge | user+ | 200
GET /api/v1/tenants/me/authenticators | user+ | 200
POST /api/v1/tenants/me/authenticators | user+ | 201
DELETE /api/v1/tenants/me/authenticators/:id | user+ | 204
"""

NOT_SERVED = {
    "an audit across all tenants": """
        GET /api/v1/admin/audit | =superadmin | 200
    """,
    "a run is reported whole, when it is known what it found": """
        POST /api/v1/verification-runs/:id/results | =orchestrator | 200
    """,
}
"""By reason. A route that comes moves up; a test says so when one is served and still stands here."""

OTHERWISE = {
    "GET /api/v1/routes": "public, where the appendix has any: it says no more than the OpenAPI document, which is",
    "GET /api/v1/audit": "for orchestrators too, who watch the work; keys and settings stay the user's",
    "GET /swagger": "as printed, and no part of the OpenAPI document: what it leads to is for people",
}
"""Where we differ from the appendix, and why."""


class Line(Struct, frozen=True):
    method: str
    path: str
    """With ``{}`` for whatever stands in a placeholder."""
    access: str
    successes: tuple[str, ...]


def lines(text: str) -> list[Line]:
    found = []
    for line in text.strip().splitlines():
        route, access, successes = (part.strip() for part in line.split("|"))
        method, path = route.split()
        parts = ("{}" if part.startswith(":") else part for part in path.split("/"))
        found.append(Line(method, "/".join(parts), access, tuple(successes.split())))
    return found
