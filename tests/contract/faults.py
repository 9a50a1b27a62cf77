"""Every error that a route promises and that is not every route's: by whom and how it is brought about."""

from collections.abc import Mapping
from typing import Any

from tests.contract.cost_faults import COST_FAULTS
from tests.contract.evidencing import STATEMENT
from tests.contract.fault import Fault
from tests.contract.knowledge_faults import KNOWLEDGE_FAULTS
from tests.contract.routes import ATTESTED, JUDGEMENT, LINKED, NEW_KEY, SIGNUP_BODY, V1
from tests.contract.skill_routes import RESULT as SKILL_RESULT
from tests.contract.ui_test_routes import ONE as GUIDED_UI_TEST
from tests.contract.ui_test_routes import RUN as UI_TEST_RUN

STORY = f"POST {V1}/stories/{{story_id}}/"
NO_AGENT = Fault("agent_identity_required", 422, "loose_agent")
NO_ORCHESTRATOR = Fault("orchestrator_agent_required", 422, "loose_orchestrator")
OTHERS = Fault("not_assigned_agent", 403, "other")
TOKEN = Fault("cap_rejected", 403, body={"cap_id": "lc_cap"})


def _capability(step: str, missing: tuple[str, str], **said: Any) -> tuple[Fault, ...]:
    """``missing``: who was dispatched and has none, and in which state; ``said``: what else stands in the body."""
    name = step.partition("-")[0]
    others = "newcomer" if step == "start" else {"report": "other", "review": "other", "verify": "second_lead"}[name]
    mine = {"start": "implementer", "verify": "orchestrator"}.get(name, "other")

    def presented(kind: str) -> dict[str, Any]:
        return {**said, "cap_id": f"${kind}.2"}

    return (
        Fault("missing_capability", 403, *missing, body=said),
        Fault("wrong_lineage", 403, others, f"capped_{name}.1", presented(f"capped_{name}")),
        Fault("consumed_nonce", 403, mine, f"used_{name}.1", presented(f"used_{name}")),
        Fault("expired_capability", 403, mine, f"expired_{name}.1", presented(f"expired_{name}")),
    )


LATE = Fault("lease_lost", 409, body={"fencing_token": 1})
SELF = Fault("self_verify_blocked", 409, "own_orchestrator")


def _wrong(state: str) -> Fault:
    return Fault("invalid_transition", 409, state=state)


START = (
    OTHERS, TOKEN, LATE, NO_AGENT, _wrong("implementing"), Fault("must_contract_first", 409, state="story"),
    Fault("must_claim_first", 409, state="contracted"), *_capability("start", ("dispatched", "claimed_dispatched")),
)  # fmt: skip
REPORT = (
    TOKEN, NO_AGENT, _wrong("contracted"), Fault("token_budget_exceeded", 429, state="overspent", body={}),
    Fault("self_report_blocked", 409, "implementer"),
    *_capability("report", ("dispatched", "implementing")),
)  # fmt: skip


def _edges(kind: str) -> tuple[Fault, ...]:
    def body(dependent: str, prerequisite: str) -> dict[str, str]:
        return {f"{kind}_id": dependent, f"depends_on_{kind}_id": prerequisite}

    several = {"story": ("$story_pair", "$deadlocked_stories"), "epic": ("$epic_pair", "$deadlocked_epics")}
    pair, deadlock = several[kind]
    here = "$new_epic" if kind == "epic" else "$story"
    return (
        Fault("dependency_exists", 409, body=body(f"{pair}.1", f"{pair}.2")),
        Fault("cycle_detected", 422, body=body(f"{pair}.2", f"{pair}.1")),
        Fault("self_dependency", 422, body=body(f"{pair}.1", f"{pair}.1")),
        Fault("cross_level_deadlock", 422, body=body(f"{deadlock}.1", f"{deadlock}.2")),
        Fault("cross_project_dependency", 422, body=body(here, f"$elsewhere_{kind}")),
    )


def _import(*stories: str, **more: Any) -> dict[str, Any]:
    """Stories in the epics that their numbers begin with."""
    return {
        "epics": [
            {
                "number": int(epic),
                "title": "E",
                "stories": [{"number": number, "title": "S"} for number in stories if number.startswith(epic)],
            }
            for epic in sorted({number.partition(".")[0] for number in stories})
        ],
        **more,
    }


def _waits(*pairs: str) -> list[dict[str, str]]:
    return [dict(zip(("story", "depends_on"), pair.split("<"), strict=True)) for pair in pairs]


DONE_BEFORE = {
    "epics": [
        {
            "number": 1,
            "title": "E",
            "stories": [
                {
                    "number": "1.1",
                    "title": "S",
                    "initial_agent_status": "reported_done",
                    "initial_verified_status": "pass",
                }
            ],
        }
    ]
}
IMPORT = (
    Fault("orchestrator_agent_required", 422, "loose_orchestrator", body=DONE_BEFORE),
    Fault("evidence_required", 422, "wanting", "wanting_project", DONE_BEFORE),
    Fault("import_conflict", 409, state="full_project", body=_import("1.1")),
    Fault("export_outdated", 409, state="full_project", body=_import("1.1", if_position=0)),
    Fault("import_invalid", 422, body=_import("1.1", "1.1")),
    Fault("cycle_detected", 422, body=_import("1.1", "1.2", story_dependencies=_waits("1.1<1.2", "1.2<1.1"))),
    Fault(
        "cross_level_deadlock", 422,
        body=_import(
            "1.1", "2.1", story_dependencies=_waits("1.1<2.1"), epic_dependencies=[{"epic": 2, "depends_on": 1}]
        ),
    ),
)  # fmt: skip


def _parts(kind: str) -> dict[str, str]:
    names = ("credential_id", "attestation_object", "client_data_json")
    return {name: f"${kind}.{place}" for place, name in enumerate(names, 2)}


NO_SIGNUP = "0193a2b4-ffff-7000-8000-00000000000f"
FULL = {name: place.replace("attested", "full") for name, place in ATTESTED.items()}
SPENT = Fault("challenge_spent", 409, body={**ATTESTED, **SIGNUP_BODY, "ceremony_id": NO_SIGNUP, "friendly_name": "k"})
BAD_KEY = Fault("invalid_attestation", 422, body={**ATTESTED, "attestation_object": "AAAA"})

ENROLLED = {name: place.replace("attested", "used") for name, place in ATTESTED.items() if name != "ceremony_id"}
CROWDED = {name: place.replace("used", "crowded") for name, place in ENROLLED.items()}
KEYS = f"{V1}/tenants/me/authenticators"

LOG_KEY = f"POST {V1}/tenants/{{tenant_id}}/"

RECOVER = f"POST {V1}/admin/tenants/{{tenant_id}}/recovery"
NO_LINK = f"{NO_SIGNUP}.AAAA"

APPLIED_BEFORE = {
    **SKILL_RESULT,
    **{name: f"$applied_before.{place}" for place, name in enumerate(list(SKILL_RESULT)[:3], 1)},
}

FAULTS: Mapping[str, tuple[Fault, ...]] = {
    **COST_FAULTS,
    **KNOWLEDGE_FAULTS,
    f"POST {V1}/audit/entries/{{position}}/erase": (
        Fault("nothing_to_erase", 422, state="first_entry"),
        Fault("payload_erased", 409, state="forgotten"),
    ),
    f"POST {V1}/ceremonies": (Fault("no_authenticators", 422, "user"),),
    f"POST {V1}/ceremonies/{{ceremony_id}}/assertion": (
        Fault("challenge_spent", 409, state="answered", body={"credential_id": "AAAA"}),
    ),
    f"POST {V1}/tenants/me/webauthn/challenge": (Fault("no_authenticators", 422, "user"),),
    f"POST {KEYS}/challenge": (Fault("too_many_authenticators", 422, "keyed", body={"friendly_name": "$crowd"}),),
    f"POST {KEYS}": (
        Fault("challenge_spent", 409, body=ENROLLED),
        Fault("too_many_authenticators", 422, body=CROWDED),
        Fault("invalid_attestation", 422, body={**NEW_KEY, "attestation_object": "AAAA"}),
    ),
    f"DELETE {KEYS}/{{authenticator_id}}": (Fault("last_authenticator", 409, state="last_authenticator"),),
    f"{LOG_KEY}rotate-audit-key": (Fault("no_audit_key", 422, "unkeyed", "unkeyed_tenant"),),
    f"{LOG_KEY}bootstrap-audit-key": (Fault("audit_key_exists", 409, "user", "tenant"),),
    f"POST {V1}/admin/authenticators/challenge": (
        Fault("authenticator_enrolled", 409, body={"friendly_name": "$rooted_tenant"}),
    ),
    f"POST {V1}/admin/authenticators": (
        Fault("authenticator_enrolled", 409, body=_parts("root_enrolled")),
        Fault("challenge_spent", 409, body=_parts("root_used")),
        Fault("invalid_attestation", 422, body={**_parts("root_enrolment"), "attestation_object": "AAAA"}),
    ),
    f"{RECOVER}/challenge": (Fault("no_authenticators", 422, state="unrooted_tenant"),),
    RECOVER: (
        Fault("recovery_under_way", 409, state="ready"),
        Fault("recovery_needs_another", 409, state="opened_by_root"),
        Fault("recovery_not_needed", 409, state="new_tenant"),
        Fault("tenant_not_active", 409, state="suspended_tenant"),
    ),
    f"{RECOVER}/complete": (
        Fault("no_recovery", 409, state="lost"),
        Fault("recovery_needs_another", 409, state="opened_by_root"),
        Fault("recovery_too_early", 409, state="recovering"),
        Fault("tenant_not_active", 409, state="suspended_tenant"),
    ),
    f"POST {V1}/tenants/me/recovery/cancel": (Fault("no_recovery", 409, "user"),),
    "POST /recovery/{tenant_id}/cancel/challenge": (Fault("no_recovery", 409, state="tenant"),),
    "POST /recovery/{tenant_id}/cancel": (Fault("no_recovery", 409, state="tenant"),),
    "POST /recovery/challenge": (Fault("recovery_link_spent", 409, body={"link": NO_LINK, "friendly_name": "k"}),),
    "POST /recovery": (
        Fault("recovery_link_spent", 409, body={**LINKED, "link": NO_LINK}),
        Fault("invalid_attestation", 422, body={**LINKED, "attestation_object": "AAAA"}),
        Fault("challenge_spent", 409, body={**_parts("linked_used"), "link": "$linked_used.1"}),
    ),
    "POST /signup/challenge": (
        SPENT,
        Fault("too_many_authenticators", 422, body={"friendly_name": "k", "ceremony_id": "$full_draft"}),
    ),
    "POST /signup/attestation": (SPENT, BAD_KEY, Fault("too_many_authenticators", 422, body=FULL)),
    "POST /signup": (
        SPENT,
        Fault("no_authenticators", 422, body={**SIGNUP_BODY, "ceremony_id": "$draft"}),
        Fault("invalid_attestation", 422, body={**SIGNUP_BODY, "ceremony_id": "$known"}),
        Fault("slug_taken", 422, body={**SIGNUP_BODY, "slug": "$slug"}),
        Fault("email_taken", 422, body={**SIGNUP_BODY, "email": "$taken_email"}),
    ),
    f"PATCH {V1}/admin/tenants/{{tenant_id}}": (
        Fault("forbidden", 403, body={"settings": {"lineage_policy": "agent"}}),
    ),
    f"POST {V1}/admin/tenants/{{tenant_id}}/activate": (Fault("rejected", 422, state="new_tenant"),),
    f"POST {V1}/admin/tenants/{{tenant_id}}/suspend": (Fault("rejected", 422, state="suspended_tenant"),),
    f"POST {V1}/agents/register": (Fault("conflict", 409, "implementer"),),
    f"POST {V1}/api_keys": (
        Fault("forbidden", 403, body={"name": "k", "role": "superadmin"}),
        Fault("limit_reached", 422, "limited", body={"name": "k", "role": "agent"}),
        Fault("orchestrator_agent_required", 422, body={"name": "k", "role": "orchestrator"}),
    ),
    f"POST {V1}/api_keys/{{key_id}}/rotate": (
        Fault("rejected", 422, state="revoked_key"),
        Fault("limit_reached", 422, "limited", "limited_key"),
        Fault("orchestrator_agent_required", 422, state="older_key"),
    ),
    f"POST {V1}/dispatches": (
        Fault("limit_reached", 422, "limited", body={"role": "agent"}),
        Fault("orchestrator_agent_required", 422, body={"role": "orchestrator"}),
        Fault("parent_dispatch_expired", 403, body={"role": "agent", "parent_dispatch_id": "$revoked_dispatch"}),
        Fault(
            "foreign_parent_dispatch", 403, "orchestrator", body={"role": "agent", "parent_dispatch_id": "$dispatch"}
        ),
        Fault("dispatch_exceeds_parent", 403, body={"role": "orchestrator", "parent_dispatch_id": "$dispatch"}),
    ),
    f"POST {V1}/dispatches/{{dispatch_id}}/revoke": (Fault("foreign_parent_dispatch", 403, "orchestrator"),),
    f"POST {V1}/epic_dependencies": _edges("epic"),
    f"POST {V1}/story_dependencies": _edges("story"),
    f"POST {V1}/epics/{{epic_id}}/verify-all": (NO_ORCHESTRATOR, Fault("review_required", 422, body={})),
    f"POST {V1}/projects": (Fault("limit_reached", 422, "limited"),),
    f"POST {V1}/projects/{{project}}/import": IMPORT,
    f"POST {V1}/webhooks": (
        Fault("limit_reached", 422, "limited", body={"url": "https://hooks.example.com", "events": ["story.verified"]}),
    ),
    f"POST {V1}/webhooks/{{webhook_id}}/deliveries/{{delivery_id}}/redeliver": (
        Fault("conflict", 409, state="queued.*"),
    ),
    f"POST {V1}/skill_results": (Fault("conflict", 409, body=APPLIED_BEFORE),),
    **{
        f"POST {V1}{path}/{name}": (Fault("ui_test_run_ended", 422, state=state),)
        for path, state in ((UI_TEST_RUN, "ended_ui_test_run"), (GUIDED_UI_TEST, "ended_ui_test.*"))
        for name in ("findings", "complete", "cancel")
    },
    f"POST {V1}/stories/bulk/mark-complete": (NO_ORCHESTRATOR,),
    f"POST {V1}/stories/bulk/reject": (NO_ORCHESTRATOR,),
    f"POST {V1}/stories/bulk/verify": (NO_ORCHESTRATOR,),
    f"POST {V1}/stories/next/claim": (
        NO_AGENT,
        Fault("nothing_ready", 409, body={"project_id": "$new_project"}),
    ),
    f"PATCH {V1}/stories/{{story_id}}/acceptance_criteria/{{ac_id}}": (
        Fault("self_verify_blocked", 409, "own_orchestrator", "implementing", {"status": "verified"}),
        Fault(
            "criteria_frozen",
            409,
            state="verified",
            body={"verification_criterion": {"type": "manual", "description": "another way"}},
        ),
        Fault("orchestrator_agent_required", 422, "loose_orchestrator", body={"status": "verified"}),
    ),
    f"PUT {V1}/orchestrator/state/{{project}}": (
        Fault("version_conflict", 409, state="saved_project", body={"state_data": {}, "version": 7}),
    ),
    STORY + "backfill": (
        NO_ORCHESTRATOR,
        Fault("already_verified", 422, state="verified"),
        Fault("already_rejected", 422, state="rejected"),
        Fault("not_pre_existing", 422, state="claimed"),
        Fault("evidence_required", 422, "wanting", "wanting_story"),
    ),
    STORY + "contract": (
        NO_AGENT,
        _wrong("claimed"),
        Fault("title_mismatch", 422, body={"story_title": "Another", "ac_count": 1}),
        Fault("contract_mismatch", 422, body={"story_title": "A story", "ac_count": 2}),
    ),
    STORY + "claim": (
        NO_AGENT,
        _wrong("claimed"),
        Fault("must_contract_first", 409, state="story"),
        Fault("dependencies_not_met", 409, state="waiting"),
    ),
    STORY + "start": START,
    STORY + "start-work": START,
    STORY + "heartbeat": (OTHERS, TOKEN, LATE, NO_AGENT, _wrong("story")),
    STORY + "request-review": (OTHERS, TOKEN, LATE, NO_AGENT, _wrong("claimed")),
    STORY + "report": REPORT,
    STORY + "report-done": REPORT,
    STORY + "review-complete": (
        Fault("cap_rejected", 403, body={"review_type": "team", "cap_id": "lc_cap"}),
        NO_AGENT,
        Fault("self_review_blocked", 409, "implementer"),
        Fault("story_not_reported_done", 422, state="implementing"),
        *_capability("review-complete", ("dispatched", "reported"), review_type="team"),
    ),
    STORY + "verification-runs": (NO_ORCHESTRATOR, SELF, Fault("story_not_reported_done", 422, state="implementing")),
    STORY + "evidence": (
        NO_AGENT,
        Fault("self_verify_blocked", 409, "implementer"),
        Fault("story_not_worked_on", 422, state="contracted"),
        Fault("evidence_unreadable", 422, body={"junit": "<testsuite>", "commit": "9" * 40}),
        Fault("evidence_of_other_commit", 422, body={"in_toto": STATEMENT, "commit": "9" * 40}),
    ),
    STORY + "verify": (
        NO_ORCHESTRATOR,
        Fault("cap_rejected", 403, body={**JUDGEMENT, "cap_id": "lc_cap"}),
        SELF,
        _wrong("story"),
        Fault("distinct_verifier_required", 409, state="self_reviewed"),
        Fault("review_required", 422, body={}),
        Fault("review_not_conducted", 422, state="reported"),
        Fault("verification_run_required", 422, state="never_run"),
        Fault("evidence_required", 422, "wanting", "wanting_reviewed"),
        Fault("criteria_changed", 409, state="changed"),
        *_capability("verify", ("dispatched_lead", "reviewed"), **JUDGEMENT),
        Fault("not_drawn_verifier", 409, "bound", "bound_drawn"),
        Fault("verifier_needed", 409, "bound", "bound_reviewed"),
    ),
    STORY + "draw-verifier": (_wrong("claimed"), Fault("verifier_drawn", 409, state="drawn")),
    STORY + "recover-cap": (
        NO_AGENT,
        _wrong("implementing"),
        Fault("must_contract_first", 409, state="story"),
        Fault("must_claim_first", 409, state="contracted"),
        Fault("wrong_lineage", 403, "other"),
        Fault("lease_lost", 409, body={"fencing_token": 1}),
        Fault("orchestrator_agent_required", 422, "loose_orchestrator", "reviewed", {"cap_type": "verify_cap"}),
        Fault("story_not_reported_done", 422, "other", "implementing", {"cap_type": "review_complete_cap"}),
        Fault("review_not_conducted", 422, "orchestrator", "reported", {"cap_type": "verify_cap"}),
        Fault("distinct_verifier_required", 409, "orchestrator", "self_reviewed", {"cap_type": "verify_cap"}),
        Fault("criteria_changed", 409, "orchestrator", "changed", {"cap_type": "verify_cap"}),
    ),
    STORY + "reject": (
        NO_ORCHESTRATOR,
        Fault("cap_rejected", 403, body={"reason": "no", "cap_id": "lc_cap"}),
        SELF,
        _wrong("story"),
        Fault("reason_required", 422, body={}),
    ),
    STORY + "unclaim": (OTHERS, LATE, NO_AGENT, _wrong("story")),
    STORY + "force-unclaim": (NO_ORCHESTRATOR, _wrong("verified")),
}
