"""Every machine code that an error can carry: its HTTP status and what it means. The documentation is made from it.

A code stands here when something raises it, and not before: a test says which one nothing raises.
"""

from msgspec import Struct


class Code(Struct, frozen=True):
    status: int
    meaning: str
    message: str | None = None
    """What the envelope says when the place that refuses has nothing more exact to say; default ``meaning``."""


CODES: dict[str, Code] = {
    # The request itself
    "bad_request": Code(400, "The request cannot be read: bad HTTP, bad JSON, a parameter given twice", "Bad Request"),
    "not_found": Code(404, "There is no such path or thing, or it is not yours to see", "Not found"),
    "not_acceptable": Code(406, "The Accept header allows no JSON", "Not Acceptable"),
    "request_timeout": Code(408, "The request did not arrive in time", "Request Timeout"),
    "payload_too_large": Code(413, "The body is longer than this route takes", "Request Entity Too Large"),
    "uri_too_long": Code(414, "The address is longer than 8 KiB", "URI Too Long"),
    "unsupported_media_type": Code(415, "The body is neither plain JSON nor a form", "Unsupported Media Type"),
    "validation_failed": Code(422, "The input is well-formed and wrong; details says which field", "Validation failed"),
    "headers_too_large": Code(431, "The headers are longer than 16 KiB", "Request Header Fields Too Large"),
    # The service
    "internal_error": Code(500, "A bug of ours; it is counted and logged", "Internal server error"),
    "overloaded": Code(503, "Too many requests at once; try again after Retry-After"),
    "deadline_exceeded": Code(503, "The answer took too long; whether it was carried out is unknown"),
    "stopping": Code(503, "This process is being stopped; the next attempt meets another one"),
    "database_unavailable": Code(503, "The database does not answer; try again after Retry-After"),
    "sealed": Code(503, "The keys at rest are missing, so nothing that needs one is done"),
    "head_refused": Code(503, "The log contradicts a signed head, or the clock is behind it: nothing new is signed"),
    "assets_missing": Code(503, "The browser files were not installed: run make setup"),
    # Who asks
    "unauthorized": Code(401, "An API key is needed", "Unauthorized"),
    "invalid_api_key": Code(401, "The API key is unknown, revoked or expired", "Invalid API key"),
    "forbidden": Code(403, "The caller is known and may not"),
    "tenant_inactive": Code(403, "The tenant is not active", "Access denied"),
    "insufficient_role": Code(403, "The key's role does not allow this"),
    "cap_rejected": Code(403, "The capability token was refused"),
    "not_assigned_agent": Code(403, "The story is assigned to another agent"),
    "agent_deactivated": Code(403, "The caller's agent is deactivated and takes no more work"),
    "agent_identity_required": Code(422, "The key belongs to no agent, and every step of custody needs one"),
    "orchestrator_agent_required": Code(400, "The orchestrator's key belongs to no registered agent"),
    "tenant_context_required": Code(400, "A superadmin must say for which tenant: X-Impersonate-Tenant"),
    "impersonation_refused": Code(403, "Custody is for keys of the tenant itself, not for a superadmin in its place"),
    "rate_limited": Code(429, "Too many requests; try again after Retry-After"),
    # State and custody
    "rejected": Code(422, "The request was understood and refused"),
    "conflict": Code(409, "The state does not allow it now"),
    "custody_violation": Code(409, "Somebody tried to confirm their own work"),
    "self_report_blocked": Code(409, "The implementer cannot report its own story"),
    "self_review_blocked": Code(409, "The implementer cannot review its own story"),
    "self_verify_blocked": Code(409, "The implementer cannot verify or reject its own story"),
    "invalid_transition": Code(409, "The story is in another state"),
    "must_contract_first": Code(409, "The story must be contracted first"),
    "must_claim_first": Code(409, "The story must be claimed first"),
    "dependencies_not_met": Code(409, "A story or epic that this one depends on is not verified"),
    "story_not_reported_done": Code(422, "The story was not reported done"),
    "distinct_verifier_required": Code(409, "The tenant wants somebody other than the reviewer to verify"),
    "criteria_changed": Code(409, "Title or criteria of the story are not those that the work was contracted under"),
    "criteria_frozen": Code(409, "The story is verified: its title and criteria are what was verified"),
    "lease_lost": Code(409, "The claim no longer holds; somebody else may hold the story"),
    "nothing_ready": Code(409, "No story of the project is ready to be claimed"),
    "already_verified": Code(422, "The story is verified already"),
    "already_rejected": Code(422, "The story was rejected, so it cannot be marked as done before loopctl"),
    "not_pre_existing": Code(
        422, "Somebody has worked on the story here, so it must be reported, reviewed and verified"
    ),
    "review_not_conducted": Code(422, "There is no review of the current report"),
    "review_required": Code(422, "The review is incomplete"),
    "reason_required": Code(422, "A reason must be given"),
    "title_mismatch": Code(422, "The title is not the story's"),
    "contract_mismatch": Code(422, "The number of acceptance criteria is not the story's"),
    "idempotency_key_reused": Code(422, "The Idempotency-Key was used for another request; make a new one"),
    "version_conflict": Code(409, "Somebody wrote in between"),
    # Work breakdown, import, keys
    "dependency_exists": Code(409, "The dependency is already there"),
    "self_dependency": Code(422, "Nothing can depend on itself"),
    "cross_project_dependency": Code(422, "Both ends of a dependency must be in one project"),
    "cycle_detected": Code(422, "The dependency would close a cycle"),
    "cross_level_deadlock": Code(422, "The dependency contradicts those between epics"),
    "import_conflict": Code(409, "Numbers in the import exist already"),
    "import_invalid": Code(422, "The import is not consistent"),
    "limit_reached": Code(422, "The tenant has as many as it may have"),
}
