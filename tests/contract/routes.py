"""All routes in one list: who may, what comes back, and a request that succeeds, with everything in it that names
something by its id. The tests of this folder put each request wrong in every way that it can be wrong."""

from tests.contract.cost_routes import COSTS, USAGE
from tests.contract.evidencing import CI_TRUST, EVIDENCE
from tests.contract.knowledge_routes import KNOWLEDGE
from tests.contract.route import PATHS, V1, Route
from tests.contract.route import public as _public
from tests.contract.route import read as _read
from tests.contract.route import step as _step
from tests.contract.route import write as _write
from tests.contract.skill_routes import SKILLS
from tests.contract.ui_test_routes import UI_TEST_RUNS

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
STORY = {"number": "$number", "title": "A story", "parent_id": "$story"}
MESSAGE = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
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
    _public("/", 302),
    _public("/health"),
    _public("/livez"),
    _public("/readyz"),
    _public("/metrics"),
    _public("/swaggerui"),
    _public("/signup"),
    _public("/recovery"),
    _public("/.well-known/loopctl"),
    _public("/.well-known/loopctl/schema.json"),
    _public(V1),
    _public(V1 + "/openapi"),
    _public(V1 + "/routes"),
    _public(V1 + "/schemas/import"),
    _public(V1 + "/articles/system", query={"slug": "discovery"}),
    _public(V1 + "/tenants/{tenant_id}/audit_public_key"),
    _public(V1 + "/tenants/{tenant_id}/fork-proofs"),
    _public(V1 + "/tenants/{tenant_id}/audit_public_keys"),
    _public(V1 + "/audit/sth/{tenant_id}"),
    _public("/t/{tenant_id}/checkpoint"),
    _public("/t/{tenant_id}/tile/{rest}"),
)

READS = (
    _read("/tenants/me", "any"),
    _read("/api_keys", "user+", "user"),
    _read("/agents", "orchestrator+", "orchestrator"),
    _read("/agents/{agent_id}", "orchestrator+", "orchestrator"),
    _read("/dispatches"),
    _read("/dispatches/{dispatch_id}"),
    _read("/projects"),
    _read("/projects/{project}"),
    _read("/projects/{project}/progress"),
    _read("/projects/{project}/dependency_graph"),
    _read("/projects/{project}/epic_dependencies"),
    _read("/projects/{project}/export"),
    _read("/projects/{project}/epics"),
    _read("/epics/{epic_id}"),
    _read("/epics/{epic_id}/progress"),
    _read("/epics/{epic_id}/story_dependencies"),
    _read("/epics/{epic_id}/stories"),
    _read("/stories", query={"project_id": "$project", "epic_id": "$epic", "parent_id": "$story"}),
    _read("/stories/ready", query={"project_id": "$project", "epic_id": "$epic"}),
    _read("/stories/blocked", query={"project_id": "$project", "epic_id": "$epic"}),
    _read("/waiting", query={"project_id": "$project", "epic_id": "$epic"}),
    _read("/stories/{story_id}"),
    _read("/stories/{story_id}/acceptance_criteria"),
    _read("/stories/{story_id}/artifacts"),
    _read("/stories/{story_id}/comments"),
    _read("/stories/{story_id}/reviews"),
    _read("/stories/{story_id}/verifications", "orchestrator+", "orchestrator"),
    _read("/stories/{story_id}/verification-runs"),
    _read("/verification-runs/{run_id}"),
    _read("/stories/{story_id}/evidence"),
    _read("/evidence/{evidence_id}"),
    _read("/audit/chain"),
    _read("/audit/proof", query={"kind": "inclusion", "index": "0", "size": "1"}),
    _read("/audit/receipts/{position}"),
    _read("/stories/{story_id}/log-proof"),
    _read("/audit/export", "user+", "user"),
    Route("GET", "/t/{tenant_id}/tile/entries/{rest}", "agent+", 200, "implementer", {"rest": "000.p/2"}),
)

WORK = (
    _write("PATCH", "/tenants/me", "user+", 200, "user", body={"name": "Other"}),
    _write("POST", "/tenants/me/clear-halt", "user+", 200, "user", body={"reason": "seen"}),
    _write("POST", "/api_keys", "user+", 201, "user", body=AGENT_KEY),
    _write("DELETE", "/api_keys/{key_id}", "user+", 200, "user"),
    _write("POST", "/api_keys/{key_id}/rotate", "user+", 201, "user", body={}),
    _write("POST", "/dispatches", "orchestrator+", 201, "user", body=DISPATCH),
    _write("POST", "/dispatches/{dispatch_id}/revoke", "orchestrator+", 200, "user"),
    _write("POST", "/agents/register", "=agent", 201, "fresh_agent", body=AGENT),
    _write("PATCH", "/agents/{agent_id}", "user+", 200, "user", body={"status": "idle"}),
    _write("POST", "/projects", "orchestrator+", 201, "orchestrator", body={"name": "P", "slug": "$name"}),
    _write("PATCH", "/projects/{project}", "orchestrator+", 200, "orchestrator", body={"mission": "m"}),
    _write("PUT", "/projects/{project}", "orchestrator+", 200, "orchestrator", body={"mission": "m"}),
    _write("PUT", "/projects/{project}/ci-trust", "user+", 200, "user", body=CI_TRUST),
    _read("/projects/{project}/ci-stories", query={"numbers": "1.1,1.2"}),
    _read("/projects/{project}/ci-trust", ids={"project": "$trusting_project"}),
    _write("DELETE", "/projects/{project}/ci-trust", "user+", 204, "user", ids={"project": "$trusting_project"}),
    _write("DELETE", "/projects/{project}", "user+", 200, "user", ids={"project": "$new_project"}),
    _write(
        "POST", "/projects/{project}/import", "=orchestrator,user,superadmin", 201, "user",
        ids={"project": "$new_project"}, body=IMPORT,
    ),
    _write("POST", "/projects/{project}/epics", "orchestrator+", 201, "user", body=EPIC),
    _write("POST", "/projects/{project}/stories", "orchestrator+", 201, "user", body={**STORY, "epic_number": 1}),
    _write("PATCH", "/epics/{epic_id}", "orchestrator+", 200, "user", body={"description": "d"}),
    _write("DELETE", "/epics/{epic_id}", "user+", 204, "user", ids={"epic_id": "$new_epic"}),
    _write("POST", "/epics/{epic_id}/stories", "orchestrator+", 201, "user", body=STORY),
    _write(
        "PATCH", "/stories/{story_id}", "orchestrator+", 200, "user",
        body={"description": "d", "parent_id": "$story"},
    ),
    _write("DELETE", "/stories/{story_id}", "user+", 204, "user"),
    _write("POST", "/stories/{story_id}/comments", "agent+", 201, "implementer", body={"body": "Seen"}),
    _write(
        "PATCH", "/stories/{story_id}/acceptance_criteria/{ac_id}", "orchestrator+", 200, "orchestrator",
        body={"evidence_path": "tests/a.py"},
    ),
    _write(
        "POST", "/epic_dependencies", "orchestrator+", 201, "user",
        body={"epic_id": "$new_epic", "depends_on_epic_id": "$epic"},
    ),
    _write(
        "DELETE", "/epic_dependencies/{dependency_id}", "user+", 204, "user", ids={"dependency_id": "$epic_dependency"}
    ),
    _write(
        "POST", "/story_dependencies", "orchestrator+", 201, "user",
        body={"story_id": "$story", "depends_on_story_id": "$story"},
    ),
    _write(
        "DELETE", "/story_dependencies/{dependency_id}", "user+", 204, "user",
        ids={"dependency_id": "$story_dependency"},
    ),
)  # fmt: skip

LIFECYCLE = (
    _step("contract", "=agent,orchestrator", "implementer", "story", {"story_title": "A story", "ac_count": 1}),
    _step("recover-cap", "agent+", "implementer", "claimed", {"cap_type": "start_cap"}, 201),
    _step("draw-verifier", "orchestrator+", "orchestrator", "asked"),
    _step("claim", "=agent", "implementer", "contracted", {}),
    _step("start", "=agent", "implementer", "claimed", {}),
    _step("start-work", "=agent", "implementer", "claimed", {}),
    _step("heartbeat", "=agent", "implementer", "claimed", {"lease_seconds": 60}),
    _step("request-review", "=agent", "implementer", "implementing", {}),
    _step("report", "=agent,orchestrator", "other", "implementing", {"artifact": ARTIFACT, "token_usage": USAGE}),
    _step("report-done", "=agent,orchestrator", "other", "implementing", {"token_usage": USAGE}),
    _step("review-complete", "=agent,orchestrator,user", "reviewer", "reported", {"review_type": "team"}, 201),
    _step("verification-runs", "=orchestrator", "orchestrator", "reported", RUN, 201),
    _step("evidence", "=agent,orchestrator,user", "reviewer", "reported", EVIDENCE, 201),
    _step("verify", "=orchestrator", "orchestrator", "reviewed", JUDGEMENT, 202),
    _step("reject", "=orchestrator", "orchestrator", "reviewed", {"reason": "no"}),
    _step("unclaim", "=agent", "implementer", "claimed", {}),
    _step("force-unclaim", "=orchestrator", "orchestrator", "claimed", {"reason": "gone"}),
    _step("backfill", "orchestrator+", "user", "story", {"reason": "done before"}),
    _step("artifacts", "=agent,orchestrator", "implementer", "claimed", ARTIFACT, 201),
    _write("POST", "/epics/{epic_id}/verify-all", "=orchestrator", 200, "orchestrator", body=JUDGEMENT),
    _write("POST", "/stories/bulk/claim", "=agent", 200, "implementer", body={"story_ids": ["$contracted"]}),
    _write(
        "POST", "/stories/bulk/verify", "=orchestrator", 200, "orchestrator",
        body={"stories": [{"story_id": "$reviewed", **JUDGEMENT}]},
    ),
    _write(
        "POST", "/stories/bulk/reject", "=orchestrator", 200, "orchestrator",
        body={"stories": [{"story_id": "$reviewed", "reason": "no"}]},
    ),
    _write(
        "POST", "/stories/bulk/mark-complete", "=orchestrator", 200, "orchestrator",
        body={"stories": [{"story_id": "$story", "review_type": "team", "summary": "before"}]},
    ),
    _write("POST", "/stories/next/claim", "=agent", 200, "implementer", body={"project_id": "$ready_project"}),
)  # fmt: skip

OBSERVATION = {"event": "seen", "entity_type": "story", "entity_id": "$story", "project_id": "$project", "data": {}}

HISTORY = (
    _read("/stories/{story_id}/history", "any"),
    _read(
        "/audit", "orchestrator+", "user", query={"project_id": "$project", "entity_id": "$epic", "actor_id": "$key"}
    ),
    _read("/changes", "any", query={"after": "0", "project_id": "$project"}),
    _read("/changes/stream", "any", query={"project_id": "$project"}),
    _read("/audit/texts", "user+", "user"),
    _write(
        "POST", "/audit/entries/{position}/erase", "user+", 200, "user", ids={"position": "$described"},
        body={"reason": "asked for"},
    ),
    _write("POST", "/audit/events", "orchestrator+", 201, "orchestrator", body=OBSERVATION),
    _write("POST", "/audit/witness", "agent+", 200, "implementer", body={"note": "$signed_note"}, kept=False),
    _write(
        "PUT", "/orchestrator/state/{project}", "=orchestrator,superadmin", 200, "orchestrator",
        ids={"project": "$new_project"}, body={"state_data": {}},
    ),
    _read(
        "/orchestrator/state/{project}", "=orchestrator,superadmin", "orchestrator", ids={"project": "$saved_project"}
    ),
    _read(
        "/orchestrator/state/{project}/history", "=orchestrator,superadmin", "orchestrator",
        ids={"project": "$saved_project"},
    ),
)  # fmt: skip

STREAM = f"GET {V1}/changes/stream"
"""Its answer ends only when the client leaves: what it sends is in tests/api/test_change_stream.py."""

ADMIN = (
    _read("/admin/stats", "=superadmin", "root"),
    _read("/admin/tenants", "=superadmin", "root"),
    _read("/admin/violators", "=superadmin", "root", query={"tenant_id": "$tenant", "status": "all"}),
    _write("POST", "/admin/violators/{violator_id}/resolve", "=superadmin", 200, "root", body={"note": "seen"}),
    _write("POST", "/admin/violators/{violator_id}/ignore", "=superadmin", 200, "root", body={"note": "seen"}),
    _read("/admin/tenants/{tenant_id}", "=superadmin", "root"),
    _write("PATCH", "/admin/tenants/{tenant_id}", "=superadmin", 200, "root", body={"name": "Named"}),
    _write("POST", "/admin/tenants/{tenant_id}/clear-halt", "=superadmin", 200, "root", body={"reason": "seen"}),
    _write("POST", "/admin/tenants/{tenant_id}/suspend", "=superadmin", 200, "root", ids={"tenant_id": "$new_tenant"}),
    _write(
        "POST", "/admin/tenants/{tenant_id}/activate", "=superadmin", 200, "root",
        ids={"tenant_id": "$suspended_tenant"},
    ),
)  # fmt: skip

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
    _write("POST", ME + "/webauthn/challenge", "user+", 200, "keyed", body=OPERATION, kept=False),
    _read(ME + "/authenticators", "user+", "keyed"),
    _write("POST", "/ceremonies", "user+", 201, "keyed", body=OPERATION, kept=False),
    _read(CEREMONY, "user+", "keyed", ids=POLLED, headers={"Loopctl_Poll_Secret": "$polled.2"}),
    Route("POST", V1 + CEREMONY + "/assertion", "public", 200, "keyed", ANSWERED, body=TOUCH),
    Route("GET", CEREMONY + "/operation", "public", 200, ""),
    Route("GET", CEREMONY, "public", 200, ""),
    _write("POST", ME + "/authenticators/challenge", "user+", 200, "user", body={"friendly_name": "k"}, kept=False),
    _write("POST", ME + "/authenticators", "user+", 201, "keyed", body=NEW_KEY),
    _write("PATCH", ME + "/authenticators/{authenticator_id}", "user+", 200, "keyed", body={"friendly_name": "k"}),
    _write("DELETE", ME + "/authenticators/{authenticator_id}", "user+", 204, "keyed"),
)
SUBSCRIPTION = {
    "url": "https://hooks.example.com/loopctl", "events": ["story.verified"], "project_id": "$project",
    "ordered": True,
}  # fmt: skip
EXHAUSTED = {"webhook_id": "$exhausted.1", "delivery_id": "$exhausted.2"}
HOOK = "/webhooks/{webhook_id}"
WEBHOOKS = (
    _write("POST", "/webhooks", "user+", 201, "user", body=SUBSCRIPTION),
    _read("/webhooks", "user+", "user"),
    _read("/webhooks/event-types", "user+", "user"),
    _read(HOOK, "user+", "user"),
    _write("PATCH", HOOK, "user+", 200, "user", body={"active": False, "project_id": "$project"}),
    _write("PUT", HOOK, "user+", 200, "user", body={"events": ["story.rejected"], "project_id": "$project"}),
    _write("DELETE", HOOK, "user+", 204, "user"),
    _write("POST", HOOK + "/rotate-secret", "user+", 200, "user"),
    _write("POST", HOOK + "/test", "user+", 200, "user", body={"event_type": "story.verified"}),
    _write("POST", HOOK + "/replay", "user+", 202, "user", body={"from_position": 0, "to_position": 9}),
    _read(HOOK + "/deliveries", "user+", "user", query={"status": "pending"}),
    _read(HOOK + "/deliveries/{delivery_id}", "user+", "user", ids=EXHAUSTED),
    _write("POST", HOOK + "/deliveries/{delivery_id}/redeliver", "user+", 202, "user", ids=EXHAUSTED),
)

OF_KEYED, UNKEYED = {"tenant_id": "$keyed_tenant"}, {"tenant_id": "$unkeyed_tenant"}
LOG_KEYS = (
    _write(
        "POST", "/tenants/{tenant_id}/rotate-audit-key", "user+", 200, "keyed", ids=OF_KEYED, body={"reason": "left"}
    ),
    _write("POST", "/tenants/{tenant_id}/bootstrap-audit-key", "user+", 200, "unkeyed", ids=UNKEYED),
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
    _write("POST", "/admin/authenticators/challenge", "=superadmin", 200, "root", body={"friendly_name": "$unrooted"},
           kept=False),
    _write("POST", "/admin/authenticators", "=superadmin", 201, "root", body=OF_ROOT, kept=False),
    _write("POST", RECOVER + "/challenge", "=superadmin", 200, "root", ids={"tenant_id": "$rooted_tenant"},
           body=OPERATION, kept=False),
    _read(RECOVER, "=superadmin", "root"),
    _write("POST", RECOVER, "=superadmin", 200, "root", ids={"tenant_id": "$lost"}, body={"reason": "lost"}),
    _write("POST", RECOVER + "/complete", "=superadmin", 200, "root", ids={"tenant_id": "$ready"}),
    _read("/tenants/me/recovery"),
    _write("POST", ME + "/recovery/cancel", "user+", 200, "keyed", headers={"Loopctl_Waiting": "$recovering"}),
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
    *SKILLS,
    *KNOWLEDGE,
    *UI_TEST_RUNS,
    Route("POST", "/mcp", "=agent,orchestrator,user", 200, "user", body=MESSAGE, kept=False),
)
