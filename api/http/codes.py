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
    "method_not_allowed": Code(405, "The path has other methods; Allow says which", "Method Not Allowed"),
    "foreign_origin": Code(403, "A browser asks for a page of somebody else's"),
    "not_acceptable": Code(406, "The Accept header allows no JSON", "Not Acceptable"),
    "request_timeout": Code(408, "The request did not arrive in time", "Request Timeout"),
    "payload_too_large": Code(413, "The body is longer than this route takes", "Request Entity Too Large"),
    "uri_too_long": Code(414, "The address is longer than 8 KiB", "URI Too Long"),
    "unsupported_media_type": Code(415, "The body is neither plain JSON nor a form", "Unsupported Media Type"),
    "validation_failed": Code(422, "The input is well-formed and wrong; details says which field", "Validation failed"),
    "headers_too_large": Code(431, "The headers are longer than 16 KiB", "Request Header Fields Too Large"),
    # The service
    "not_built": Code(
        501,
        "This version of the server does not do this yet",
        "Not built: this version of the server does not do this yet. GET /api/v1/routes lists what it does.",
    ),
    "internal_error": Code(500, "A bug of ours; it is counted and logged", "Internal server error"),
    "overloaded": Code(503, "Too many requests at once; try again after Retry-After"),
    "deadline_exceeded": Code(503, "The answer took too long; whether it was carried out is unknown"),
    "stopping": Code(503, "This process is being stopped; the next attempt meets another one"),
    "database_unavailable": Code(503, "The database does not answer; try again after Retry-After"),
    "embedding_unavailable": Code(
        503,
        "The question cannot be made a vector now; search by words, with mode=keyword",
        "Embedding service unavailable",
    ),
    "sealed": Code(503, "The keys at rest are missing, so nothing that needs one is done"),
    "head_refused": Code(503, "The log contradicts a signed head, or the clock is behind it: nothing new is signed"),
    "assets_missing": Code(503, "The browser files were not installed: run make setup"),
    # Who asks
    "unauthorized": Code(401, "An API key is needed", "Unauthorized"),
    "login_needed": Code(
        401, "A page was asked for without a session, or with one that has ended", "Sign in at /login"
    ),
    "cross_site": Code(403, "What changes something was not sent by a page of this service"),
    "invalid_api_key": Code(401, "The API key is unknown, revoked or expired", "Invalid API key"),
    "ci_token_refused": Code(401, "The token is not one that this service takes from a CI"),
    "ci_not_trusted": Code(403, "The token is good, and the project does not trust whose it is"),
    "ci_issuer_unavailable": Code(503, "The keys of the token's issuer cannot be had now"),
    "forbidden": Code(403, "The caller is known and may not"),
    "tenant_inactive": Code(403, "The tenant is not active", "Access denied"),
    "insufficient_role": Code(403, "The key's role does not allow this"),
    "parent_dispatch_expired": Code(403, "The dispatch above is revoked or has expired"),
    "foreign_parent_dispatch": Code(403, "The dispatch is not the caller's own, nor below it"),
    "dispatch_exceeds_parent": Code(403, "A dispatch has at most the role of the one above it"),
    "missing_capability": Code(403, "The step takes a capability, and none was presented"),
    "wrong_lineage": Code(403, "The capability is somebody else's"),
    "expired_capability": Code(403, "The capability has expired"),
    "consumed_nonce": Code(403, "The capability was used already"),
    "cap_rejected": Code(403, "The capability token was refused; details says for what reason"),
    "not_assigned_agent": Code(403, "The story is assigned to another agent"),
    "agent_deactivated": Code(403, "The caller's agent is deactivated and takes no more work"),
    "agent_identity_required": Code(422, "The key belongs to no agent, and every step of custody needs one"),
    "orchestrator_agent_required": Code(422, "The key belongs to no agent of type orchestrator, and this needs one"),
    "tenant_context_required": Code(400, "A superadmin must say for which tenant: X-Impersonate-Tenant"),
    "impersonation_refused": Code(
        403, "Custody, agents and keys are the tenant's own affair: use a key of the tenant, not a superadmin's"
    ),
    "rate_limited": Code(429, "Too many requests; try again after Retry-After"),
    "too_many_at_once": Code(429, "The key or its tenant holds all that it may at once; end something first"),
    # What clients have seen of the log
    "witness_header_malformed": Code(412, "A header that says which head was seen cannot be read"),
    "witness_header_missing": Code(428, "The tenant wants to be told the last head that was seen (witness_mode)"),
    "witness_divergence_unproven": Code(
        409,
        "The head that was seen is not one of this log; nothing follows from that without its signed note",
        "The log has another head at this size. Show the signed head that you have seen, in base64url as "
        "Loopctl-Witness-Note. Stop steps of custody, and tell a person.",
    ),
    "witness_ahead_unproven": Code(
        409,
        "The head that was seen is beyond this log; nothing follows from that without its signed note",
        "The log is shorter than the head that you have seen. Show it, signed, in base64url as "
        "Loopctl-Witness-Note. Stop steps of custody, and tell a person.",
    ),
    "witness_evidence_invalid": Code(400, "The head that was shown is not signed by a key of this log"),
    "witness_cosignature_invalid": Code(
        400, "What came along as a cosignature is none of this head by the caller's agent"
    ),
    "witness_divergence": Code(
        409,
        "The log has signed two heads that contradict each other; the proof is kept, and custody halted",
        "The log contradicts the head that you have shown, which it has signed. Custody is halted; the proof is at "
        "GET /api/v1/tenants/{id}/fork-proofs. Stop, and tell a person.",
    ),
    "tenant_halted": Code(
        503,
        "Custody is halted: the log has contradicted itself, or somebody has tried to confirm their own work",
        "Custody is halted since the log contradicted a head that it has signed (GET /api/v1/tenants/{id}/fork-proofs) "
        "or, where the tenant wants it so, since somebody tried to confirm their own work. Reads and proofs go on; a "
        "user key clears it: POST /api/v1/tenants/me/clear-halt.",
    ),
    # Security keys
    "invalid_attestation": Code(422, "What the browser brought back of a new security key is not good"),
    "challenge_spent": Code(409, "The challenge was used, has expired or was never made: ask for a new one"),
    "no_authenticators": Code(422, "A tenant is made with a security key: enrol one first"),
    "too_many_authenticators": Code(422, "There are as many security keys as there may be: remove one first"),
    "webauthn_required": Code(401, "A person has to touch one of the tenant's security keys for exactly this request"),
    "webauthn_failed": Code(401, "What came along as a touch of a security key is not one for this request"),
    "last_authenticator": Code(409, "The last security key of a tenant cannot be removed"),
    "no_audit_key": Code(422, "The log has no key that could be changed"),
    "audit_key_exists": Code(409, "The log has a key already"),
    "audit_key_changed": Code(409, "Somebody else has changed the key of the log in the meantime"),
    "nothing_to_erase": Code(422, "The entry has no text that can be erased"),
    "payload_erased": Code(409, "The texts of this event were erased before"),
    "authenticator_enrolled": Code(
        409, "This superadmin has a security key: for another one the operator makes another API key"
    ),
    "recovery_under_way": Code(409, "A recovery of the tenant waits already"),
    "recovery_needs_another": Code(409, "Another superadmin has to agree to the recovery"),
    "recovery_not_needed": Code(409, "The tenant has no security key that could be lost"),
    "recovery_too_early": Code(409, "The recovery's delay is not over: the tenant can still cancel it"),
    "recovery_link_spent": Code(409, "The link of a recovery was used, has expired or was never made"),
    "no_recovery": Code(409, "There is no recovery of the tenant to which this could be done"),
    "tenant_not_active": Code(409, "The tenant is not active, so that nobody could cancel the recovery"),
    "slug_taken": Code(422, "Another tenant has this slug"),
    "email_taken": Code(422, "Another tenant has this address"),
    "signup_closed": Code(403, "The operator makes the tenants of this service; nobody signs up"),
    # State and custody
    "token_budget_exceeded": Code(429, "A budget that blocks is used up; asking again does not help, raising it does"),
    "system_scope_forbidden": Code(403, "System articles come with the server; no key writes one"),
    "publishing_forbidden": Code(403, "An agent files drafts and retires no article"),
    "budget_relax_forbidden": Code(403, "Only a user key may let a budget block less"),
    "negative_total": Code(422, "A total would be negative: more would be taken away than was reported"),
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
    "not_drawn_verifier": Code(409, "Another was drawn to verify the story, and the tenant binds to that"),
    "verifier_needed": Code(409, "The tenant wants a drawn verifier, and nobody is drawn"),
    "verifier_drawn": Code(409, "A verifier is drawn already, and its dispatch is live"),
    "criteria_changed": Code(409, "Title or criteria of the story are not those that the work was contracted under"),
    "criteria_frozen": Code(409, "The story is verified: its title, criteria and their checks are what was verified"),
    "lease_lost": Code(409, "The claim no longer holds; somebody else may hold the story"),
    "nothing_ready": Code(409, "No story of the project is ready to be claimed"),
    "already_verified": Code(422, "The story is verified already"),
    "already_rejected": Code(422, "The story was rejected, so it cannot be marked as done before loopctl"),
    "not_pre_existing": Code(
        422, "Somebody has worked on the story here, so it must be reported, reviewed and verified"
    ),
    "verification_run_required": Code(422, "This tenant wants a passing verification run of the report first"),
    "evidence_required": Code(422, "This tenant wants passing evidence of tests first"),
    "evidence_unreadable": Code(422, "What was sent is no JUnit file, or no statement of a test result"),
    "evidence_of_other_commit": Code(422, "The evidence is about another commit than was said"),
    "ci_token_used": Code(409, "The token has already said something else of this story"),
    "story_not_worked_on": Code(422, "Nobody has claimed the story, so there is no work to speak of"),
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
    "export_outdated": Code(409, "The project has changed since the position that the import names"),
    "import_invalid": Code(422, "The import is not consistent"),
    "ui_test_run_ended": Code(422, "The UI test run is completed or cancelled"),
    "limit_reached": Code(422, "The tenant has as many as it may have"),
}

LEARN_MORE: dict[str, str] = {
    **{
        code: code.replace("_", "-")
        for code in (
            "self_report_blocked", "self_review_blocked", "self_verify_blocked", "missing_capability",
            "expired_capability", "consumed_nonce", "wrong_lineage", "verifier_needed",
        )
    },
    "cap_rejected": "capability-tokens",
    "custody_violation": "chain-of-custody",
    "not_drawn_verifier": "verifier-needed",
    "verifier_drawn": "verifier-needed",
    "parent_dispatch_expired": "dispatch-lineage",
    "foreign_parent_dispatch": "dispatch-lineage",
    "dispatch_exceeds_parent": "dispatch-lineage",
    "agent_identity_required": "missing-dispatch",
    "orchestrator_agent_required": "one-agent-one-role",
    "verification_run_required": "verification-runs",
    "review_not_conducted": "verify-story",
    "must_contract_first": "agent-pattern",
    "must_claim_first": "agent-pattern",
    "invalid_transition": "agent-pattern",
    "tenant_halted": "witness-protocol",
    "witness_header_malformed": "witness-protocol",
    "witness_header_missing": "witness-protocol",
    "witness_divergence_unproven": "witness-protocol",
    "witness_ahead_unproven": "witness-protocol",
    "witness_evidence_invalid": "witness-protocol",
    "witness_cosignature_invalid": "witness-protocol",
    "witness_divergence": "witness-protocol",
}  # fmt: skip
"""The article that explains a code and what to do about it, by its slug: `/wiki/<slug>`, which api/wiki ships."""


def learn_more(code: str) -> str | None:
    """Where to read about it: a path of this service, so that it is right whatever address the client knows it by."""
    slug = LEARN_MORE.get(code)
    return None if slug is None else f"/wiki/{slug}"
