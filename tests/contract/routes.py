"""All routes in one list: who may, what comes back, and a request that succeeds, with everything in it that names
something by its id. The tests of this folder put each request wrong in every way that it can be wrong."""

from tests.contract.cost_routes import COSTS, USAGE
from tests.contract.route import PATHS, V1, Route, public, read, step, write

__all__ = ["PATHS", "V1", "Route"]

RUN = {"status": "pass", "commit_sha": "9fceb02d0ae5", "ac_results": {"AC-1": "pass"}}
JUDGEMENT = {"review_type": "team", "summary": "all seen"}
ARTIFACT = {"artifact_type": "test", "path": "tests/a.py"}
EPIC = {"number": "$integer", "title": "An epic"}
AGENT = {"name": "$name", "agent_type": "implementer"}
AGENT_KEY = {"name": "k", "role": "agent", "agent_id": "$agent_unkeyed"}
DISPATCH = {
    "role": "agent", "agent_id": "$agent_unkeyed", "story_id": "$story", "parent_dispatch_id": "$dispatch",
    "expires_in_seconds": 600,
}  # fmt: skip
STORY = {"number": "$number", "title": "A story"}
ATTESTED = {
    "ceremony_id": "$attested.1", "credential_id": "$attested.2", "attestation_object": "$attested.3",
    "client_data_json": "$attested.4",
}  # fmt: skip
NEW_KEY = {name: place.replace("attested", "enrolment") for name, place in ATTESTED.items() if name != "ceremony_id"}
SIGNUP_BODY = {"ceremony_id": "$enrolled", "name": "Acme", "slug": "$name", "email": "$email"}
IMPORT = {
    "epics": [
        {
            "number": 1, "title": "E", "position": 0, "metadata": {}, "stories": [
                {"number": "1.1", "title": "S", "acceptance_criteria": [{"id": "AC-1", "criterion": "c"}]},
                {"number": "1.2", "title": "S", "estimated_hours": 1.5, "initial_agent_status": "reported_done"},
            ],
        }
    ],
    "story_dependencies": [{"story": "1.2", "depends_on": "1.1"}], "epic_dependencies": [],
    "project": {"name": "Elsewhere"}, "export_metadata": {"position": 1}, "merge": False, "dry_run": False,
}  # fmt: skip


PUBLIC = (
    public("/", 302),
    public("/health"),
    public("/livez"),
    public("/readyz"),
    public("/metrics"),
    public("/swaggerui"),
    public("/signup"),
    public("/recovery"),
    public("/.well-known/loopctl"),
    public("/.well-known/loopctl/schema.json"),
    public(V1),
    public(V1 + "/openapi"),
    public(V1 + "/routes"),
    public(V1 + "/schemas/import"),
    public(V1 + "/tenants/{tenant_id}/audit_public_key"),
    public(V1 + "/tenants/{tenant_id}/fork-proofs"),
    public(V1 + "/tenants/{tenant_id}/audit_public_keys"),
    public(V1 + "/audit/sth/{tenant_id}"),
    public("/t/{tenant_id}/checkpoint"),
    public("/t/{tenant_id}/tile/{rest}"),
)

READS = (
    read("/tenants/me", "any"),
    read("/api_keys", "user+", "user"),
    read("/agents", "orchestrator+", "orchestrator"),
    read("/agents/{agent_id}", "orchestrator+", "orchestrator"),
    read("/dispatches"),
    read("/dispatches/{dispatch_id}"),
    read("/projects"),
    read("/projects/{project}"),
    read("/projects/{project}/progress"),
    read("/projects/{project}/dependency_graph"),
    read("/projects/{project}/epic_dependencies"),
    read("/projects/{project}/export"),
    read("/projects/{project}/epics"),
    read("/epics/{epic_id}"),
    read("/epics/{epic_id}/progress"),
    read("/epics/{epic_id}/story_dependencies"),
    read("/epics/{epic_id}/stories"),
    read("/stories", query={"project_id": "$project", "epic_id": "$epic"}),
    read("/stories/ready", query={"project_id": "$project", "epic_id": "$epic"}),
    read("/stories/blocked", query={"project_id": "$project", "epic_id": "$epic"}),
    read("/stories/{story_id}"),
    read("/stories/{story_id}/acceptance_criteria"),
    read("/stories/{story_id}/artifacts"),
    read("/stories/{story_id}/reviews"),
    read("/stories/{story_id}/verifications", "orchestrator+", "orchestrator"),
    read("/stories/{story_id}/verification-runs"),
    read("/verification-runs/{run_id}"),
    read("/audit/chain"),
    read("/audit/proof", query={"kind": "inclusion", "index": "0", "size": "1"}),
    read("/audit/receipts/{position}"),
    read("/stories/{story_id}/log-proof"),
    read("/audit/export", "user+", "user"),
    Route("GET", "/t/{tenant_id}/tile/entries/{rest}", "agent+", 200, "implementer", {"rest": "000.p/2"}),
)

WORK = (
    write("PATCH", "/tenants/me", "user+", 200, "user", body={"name": "Other"}),
    write("POST", "/tenants/me/clear-halt", "user+", 200, "user", body={"reason": "seen"}),
    write("POST", "/api_keys", "user+", 201, "user", body=AGENT_KEY),
    write("DELETE", "/api_keys/{key_id}", "user+", 200, "user"),
    write("POST", "/api_keys/{key_id}/rotate", "user+", 201, "user", body={}),
    write("POST", "/dispatches", "orchestrator+", 201, "user", body=DISPATCH),
    write("POST", "/dispatches/{dispatch_id}/revoke", "orchestrator+", 200, "user"),
    write("POST", "/agents/register", "=agent", 201, "fresh_agent", body=AGENT),
    write("PATCH", "/agents/{agent_id}", "user+", 200, "user", body={"status": "idle"}),
    write("POST", "/projects", "orchestrator+", 201, "orchestrator", body={"name": "P", "slug": "$name"}),
    write("PATCH", "/projects/{project}", "orchestrator+", 200, "orchestrator", body={"mission": "m"}),
    write("PUT", "/projects/{project}", "orchestrator+", 200, "orchestrator", body={"mission": "m"}),
    write("DELETE", "/projects/{project}", "user+", 200, "user", ids={"project": "$new_project"}),
    write(
        "POST", "/projects/{project}/import", "=orchestrator,user,superadmin", 201, "user",
        ids={"project": "$new_project"}, body=IMPORT,
    ),
    write(
        "POST", "/projects/{project}/epics", "orchestrator+", 201, "user", body=EPIC
    ),
    write(
        "POST", "/projects/{project}/stories", "orchestrator+", 201, "user", body={**STORY, "epic_number": 1}
    ),
    write("PATCH", "/epics/{epic_id}", "orchestrator+", 200, "user", body={"description": "d"}),
    write("DELETE", "/epics/{epic_id}", "user+", 204, "user", ids={"epic_id": "$new_epic"}),
    write("POST", "/epics/{epic_id}/stories", "orchestrator+", 201, "user", body=STORY),
    write("PATCH", "/stories/{story_id}", "orchestrator+", 200, "user", body={"description": "d"}),
    write("DELETE", "/stories/{story_id}", "user+", 204, "user"),
    write(
        "PATCH", "/stories/{story_id}/acceptance_criteria/{ac_id}", "orchestrator+", 200, "orchestrator",
        body={"evidence_path": "tests/a.py"},
    ),
    write(
        "POST", "/epic_dependencies", "orchestrator+", 201, "user",
        body={"epic_id": "$new_epic", "depends_on_epic_id": "$epic"},
    ),
    write(
        "DELETE", "/epic_dependencies/{dependency_id}", "user+", 204, "user", ids={"dependency_id": "$epic_dependency"}
    ),
    write(
        "POST", "/story_dependencies", "orchestrator+", 201, "user",
        body={"story_id": "$story", "depends_on_story_id": "$story"},
    ),
    write(
        "DELETE", "/story_dependencies/{dependency_id}", "user+", 204, "user",
        ids={"dependency_id": "$story_dependency"},
    ),
)  # fmt: skip

LIFECYCLE = (
    step("contract", "=agent,orchestrator", "implementer", "story", {"story_title": "A story", "ac_count": 1}),
    step("recover-cap", "agent+", "implementer", "claimed", {"cap_type": "start_cap"}, 201),
    step("draw-verifier", "orchestrator+", "orchestrator", "asked"),
    step("claim", "=agent", "implementer", "contracted", {}),
    step("start", "=agent", "implementer", "claimed", {}),
    step("start-work", "=agent", "implementer", "claimed", {}),
    step("heartbeat", "=agent", "implementer", "claimed", {"lease_seconds": 60}),
    step("request-review", "=agent", "implementer", "implementing", {}),
    step("report", "=agent,orchestrator", "other", "implementing", {"artifact": ARTIFACT, "token_usage": USAGE}),
    step("report-done", "=agent,orchestrator", "other", "implementing", {"token_usage": USAGE}),
    step("review-complete", "=agent,orchestrator,user", "reviewer", "reported", {"review_type": "team"}, 201),
    step("verification-runs", "=orchestrator", "orchestrator", "reported", RUN, 201),
    step("verify", "=orchestrator", "orchestrator", "reviewed", JUDGEMENT, 202),
    step("reject", "=orchestrator", "orchestrator", "reviewed", {"reason": "no"}),
    step("unclaim", "=agent", "implementer", "claimed", {}),
    step("force-unclaim", "=orchestrator", "orchestrator", "claimed", {"reason": "gone"}),
    step("backfill", "orchestrator+", "user", "story", {"reason": "done before"}),
    step("artifacts", "=agent,orchestrator", "implementer", "claimed", ARTIFACT, 201),
    write("POST", "/epics/{epic_id}/verify-all", "=orchestrator", 200, "orchestrator", body=JUDGEMENT),
    write("POST", "/stories/bulk/claim", "=agent", 200, "implementer", body={"story_ids": ["$contracted"]}),
    write(
        "POST", "/stories/bulk/verify", "=orchestrator", 200, "orchestrator",
        body={"stories": [{"story_id": "$reviewed", **JUDGEMENT}]},
    ),
    write(
        "POST", "/stories/bulk/reject", "=orchestrator", 200, "orchestrator",
        body={"stories": [{"story_id": "$reviewed", "reason": "no"}]},
    ),
    write(
        "POST", "/stories/bulk/mark-complete", "=orchestrator", 200, "orchestrator",
        body={"stories": [{"story_id": "$story", "review_type": "team", "summary": "before"}]},
    ),
    write("POST", "/stories/next/claim", "=agent", 200, "implementer", body={"project_id": "$ready_project"}),
)  # fmt: skip

OBSERVATION = {"event": "seen", "entity_type": "story", "entity_id": "$story", "project_id": "$project", "data": {}}

HISTORY = (
    read("/stories/{story_id}/history", "any"),
    read(
        "/audit", "orchestrator+", "user", query={"project_id": "$project", "entity_id": "$epic", "actor_id": "$key"}
    ),
    read("/changes", "any", query={"after": "0", "project_id": "$project"}),
    read("/changes/stream", "any", query={"project_id": "$project"}),
    read("/audit/texts", "user+", "user"),
    write(
        "POST", "/audit/entries/{position}/erase", "user+", 200, "user", ids={"position": "$described"},
        body={"reason": "asked for"},
    ),
    write("POST", "/audit/events", "orchestrator+", 201, "orchestrator", body=OBSERVATION),
    write("POST", "/audit/witness", "agent+", 200, "implementer", body={"note": "$signed_note"}, kept=False),
    write(
        "PUT", "/orchestrator/state/{project}", "=orchestrator,superadmin", 200, "orchestrator",
        ids={"project": "$new_project"}, body={"state_data": {}},
    ),
    read(
        "/orchestrator/state/{project}", "=orchestrator,superadmin", "orchestrator", ids={"project": "$saved_project"}
    ),
    read(
        "/orchestrator/state/{project}/history", "=orchestrator,superadmin", "orchestrator",
        ids={"project": "$saved_project"},
    ),
)  # fmt: skip

STREAM = f"GET {V1}/changes/stream"
"""Its answer ends only when the client leaves: what it sends is in tests/api/test_change_stream.py."""

ADMIN = (
    read("/admin/stats", "=superadmin", "root"),
    read("/admin/tenants", "=superadmin", "root"),
    read("/admin/violators", "=superadmin", "root", query={"tenant_id": "$tenant", "status": "all"}),
    write("POST", "/admin/violators/{violator_id}/resolve", "=superadmin", 200, "root", body={"note": "seen"}),
    write("POST", "/admin/violators/{violator_id}/ignore", "=superadmin", 200, "root", body={"note": "seen"}),
    read("/admin/tenants/{tenant_id}", "=superadmin", "root"),
    write("PATCH", "/admin/tenants/{tenant_id}", "=superadmin", 200, "root", body={"name": "Named"}),
    write("POST", "/admin/tenants/{tenant_id}/clear-halt", "=superadmin", 200, "root", body={"reason": "seen"}),
    write("POST", "/admin/tenants/{tenant_id}/suspend", "=superadmin", 200, "root", ids={"tenant_id": "$new_tenant"}),
    write(
        "POST",
        "/admin/tenants/{tenant_id}/activate",
        "=superadmin",
        200,
        "root",
        ids={"tenant_id": "$suspended_tenant"},
    ),
)

SIGNUP = (
    Route("POST", "/signup/challenge", "public", 200, "user", body={"friendly_name": "k", "ceremony_id": "$draft"}),
    Route("POST", "/signup/attestation", "public", 200, "user", body=ATTESTED),
    Route("POST", "/signup", "public", 201, "user", body=SIGNUP_BODY),
)

ME = "/tenants/me"
TOUCH = {
    "credential_id": "$touched.2", "authenticator_data": "$touched.3", "client_data_json": "$touched.4",
    "signature": "$touched.5",
}  # fmt: skip
OPERATION = {"method": "DELETE", "path": "/api/v1/projects/my-app"}
POLLED, ANSWERED = {"ceremony_id": "$polled.1"}, {"ceremony_id": "$touched.1"}
CEREMONY = "/ceremonies/{ceremony_id}"
PERSONS = (
    write("POST", ME + "/webauthn/challenge", "user+", 200, "keyed", body=OPERATION, kept=False),
    read(ME + "/authenticators", "user+", "keyed"),
    write("POST", "/ceremonies", "user+", 201, "keyed", body=OPERATION, kept=False),
    read(CEREMONY, "user+", "keyed", ids=POLLED, headers={"Loopctl_Poll_Secret": "$polled.2"}),
    Route("POST", V1 + CEREMONY + "/assertion", "public", 200, "keyed", ANSWERED, body=TOUCH),
    Route("GET", CEREMONY + "/operation", "public", 200, ""),
    Route("GET", CEREMONY, "public", 200, ""),
    write("POST", ME + "/authenticators/challenge", "user+", 200, "user", body={"friendly_name": "k"}, kept=False),
    write("POST", ME + "/authenticators", "user+", 201, "keyed", body=NEW_KEY),
    write("PATCH", ME + "/authenticators/{authenticator_id}", "user+", 200, "keyed", body={"friendly_name": "k"}),
    write("DELETE", ME + "/authenticators/{authenticator_id}", "user+", 204, "keyed"),
)
SUBSCRIPTION = {
    "url": "https://hooks.example.com/loopctl", "events": ["story.verified"], "project_id": "$project",
    "ordered": True,
}  # fmt: skip
EXHAUSTED = {"webhook_id": "$exhausted.1", "delivery_id": "$exhausted.2"}
HOOK = "/webhooks/{webhook_id}"
WEBHOOKS = (
    write("POST", "/webhooks", "user+", 201, "user", body=SUBSCRIPTION),
    read("/webhooks", "user+", "user"),
    read("/webhooks/event-types", "user+", "user"),
    read(HOOK, "user+", "user"),
    write("PATCH", HOOK, "user+", 200, "user", body={"active": False, "project_id": "$project"}),
    write("PUT", HOOK, "user+", 200, "user", body={"events": ["story.rejected"], "project_id": "$project"}),
    write("DELETE", HOOK, "user+", 204, "user"),
    write("POST", HOOK + "/rotate-secret", "user+", 200, "user"),
    write("POST", HOOK + "/test", "user+", 200, "user", body={"event_type": "story.verified"}),
    write("POST", HOOK + "/replay", "user+", 202, "user", body={"from_position": 0, "to_position": 9}),
    read(HOOK + "/deliveries", "user+", "user", query={"status": "pending"}),
    read(HOOK + "/deliveries/{delivery_id}", "user+", "user", ids=EXHAUSTED),
    write("POST", HOOK + "/deliveries/{delivery_id}/redeliver", "user+", 202, "user", ids=EXHAUSTED),
)

OF_KEYED, UNKEYED = {"tenant_id": "$keyed_tenant"}, {"tenant_id": "$unkeyed_tenant"}
LOG_KEYS = (
    write(
        "POST", "/tenants/{tenant_id}/rotate-audit-key", "user+", 200, "keyed", ids=OF_KEYED, body={"reason": "left"}
    ),
    write("POST", "/tenants/{tenant_id}/bootstrap-audit-key", "user+", 200, "unkeyed", ids=UNKEYED),
)

RECOVER = "/admin/tenants/{tenant_id}/recovery"
RECOVERING = {"tenant_id": "$recovering"}
CANCEL = {
    "credential_id": "$cancelling.2", "authenticator_data": "$cancelling.3", "client_data_json": "$cancelling.4",
    "signature": "$cancelling.5",
}  # fmt: skip
LINKED = {
    "link": "$linked.1", "credential_id": "$linked.2", "attestation_object": "$linked.3",
    "client_data_json": "$linked.4",
}  # fmt: skip
OF_ROOT = {name: place.replace("linked", "root_enrolment") for name, place in LINKED.items() if name != "link"}
RECOVERY = (
    write("POST", "/admin/authenticators/challenge", "=superadmin", 200, "root", body={"friendly_name": "$unrooted"},
           kept=False),
    write("POST", "/admin/authenticators", "=superadmin", 201, "root", body=OF_ROOT, kept=False),
    write("POST", RECOVER + "/challenge", "=superadmin", 200, "root", ids={"tenant_id": "$rooted_tenant"},
           body=OPERATION, kept=False),
    read(RECOVER, "=superadmin", "root"),
    write("POST", RECOVER, "=superadmin", 200, "root", ids={"tenant_id": "$lost"}, body={"reason": "lost"}),
    write("POST", RECOVER + "/complete", "=superadmin", 200, "root", ids={"tenant_id": "$ready"}),
    read("/tenants/me/recovery"),
    write("POST", ME + "/recovery/cancel", "user+", 200, "keyed", headers={"Loopctl_Waiting": "$recovering"}),
    Route("POST", "/recovery/{tenant_id}/cancel/challenge", "public", 200, "user", RECOVERING),
    Route("POST", "/recovery/{tenant_id}/cancel", "public", 200, "user", {"tenant_id": "$cancelling.1"}, body=CANCEL),
    Route("POST", "/recovery/challenge", "public", 200, "user", body={"link": "$link", "friendly_name": "k"}),
    Route("POST", "/recovery", "public", 201, "user", body=LINKED),
)  # fmt: skip

ROUTES = (
    *PUBLIC,
    *SIGNUP,
    *PERSONS,
    *LOG_KEYS,
    *RECOVERY,
    *READS,
    *WORK,
    *LIFECYCLE,
    *HISTORY,
    *ADMIN,
    *WEBHOOKS,
    *COSTS,
)
